// Makes files of pages beside the page's own thread. Message to it: {id, format, pages, colours, asOne},
// pages packed, asOne for several in an archive; it answers {id, files: [{name, content}]} or {id, error}.

import { pdfOf } from "../ink/pdf_file.js";
import { gcodeOf, hpglOf, inkmlOf, jsonOf, svgOf } from "../ink/write_files.js";
import { zipOf } from "../ink/zip.js";
import { unpackPage } from "../pages/packed.js";
import { pngOf } from "../pages/paint.js";

const DPI = 200;

addEventListener("message", async ({ data: { id, format, pages, colours, asOne } }) => {
  try {
    const files = await filesOf(format, pages.map(unpackPage), colours);
    postMessage({ id, files: asOne && files.length > 1 ? [await archiveOf(files, format)] : files });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
});

async function filesOf(format, pages, colours) {
  if (format === "json") return [{ name: "page.json", content: jsonOf(pages, colours) }];
  if (format === "pdf") return [{ name: "page.pdf", content: await pdfOf(pages, colours) }];
  const write = {
    svg: (page) => svgOf(page, colours), gcode: gcodeOf, hpgl: hpglOf, inkml: (page) => inkmlOf(page),
    png: (page) => pngOf(page, DPI, colours),
  }[format];
  const files = [];
  for (const [at, page] of pages.entries()) {
    files.push({ name: nameOf(at, pages.length, format), content: await write(page) });
  }
  return files;
}

function nameOf(at, count, suffix) {
  if (count === 1) return `page.${suffix}`;
  return `page-${String(at + 1).padStart(String(count).length, "0")}.${suffix}`;
}

async function archiveOf(files, format) {
  const packed = [];
  for (const { name, content } of files) {
    packed.push({ name, bytes: new Uint8Array(await new Blob([content]).arrayBuffer()) });
  }
  return { name: `pages-${format}.zip`, content: new Blob(zipOf(packed), { type: "application/zip" }) };
}
