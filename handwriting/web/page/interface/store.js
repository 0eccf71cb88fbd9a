// What the page keeps, in this browser alone: the lines of one's own hand.

const NAME = "handwriting";
const LINES = "lines";
const VERSION = 1;

/** @typedef {{id: string, text: string, strokes: number[][][], width: number, height: number}} OwnLine
 *   strokes: points [x, y, time, pressure], y downwards */

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(LINES, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error("this browser keeps nothing (private window?)"));
  });
}

async function run(mode, action) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(LINES, mode);
      const request = action(transaction.objectStore(LINES));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onerror = transaction.onabort = () =>
        reject(new Error("the browser could not store it (no room left?)"));
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<OwnLine[]>} */
export const ownLines = () => run("readonly", (store) => store.getAll());
export const keepLine = (line) => run("readwrite", (store) => store.put(line));
export const dropLine = (id) => run("readwrite", (store) => store.delete(id));
export const dropAll = () => run("readwrite", (store) => store.clear());
