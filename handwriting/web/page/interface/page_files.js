// Files of pages, made in a worker of their own: those of a long text take longer than the page may
// stand still.

import { packedAgain } from "../pages/packed.js";

let worker = null;
let number = 0;
const waiting = new Map();

/**
 * @param {string} format svg, png, pdf, gcode, hpgl, inkml or json
 * @param {object[]} pages unpacked
 * @param {string[]} colours of the pens
 * @param {boolean} asOne several files as an archive
 * @returns {Promise<{name: string, content: string | Blob | Uint8Array}[]>}
 */
export function filesOf(format, pages, colours, asOne = false) {
  worker ??= started();
  const id = ++number;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, format, pages: pages.map(packedAgain), colours, asOne });
  });
}

function started() {
  const made = new Worker(new URL("./files_worker.js", import.meta.url), { type: "module" });
  made.addEventListener("message", ({ data: { id, files, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (files) resolve(files);
    else reject(new Error(error));
  });
  made.addEventListener("error", (event) => {
    worker = null;
    for (const { reject } of waiting.values()) reject(new Error(event.message || "no file was made"));
    waiting.clear();
  });
  return made;
}
