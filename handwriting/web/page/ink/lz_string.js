// Texts packed by lz-string, in base64, as Obsidian keeps drawings (handwriting/formats/lz_string.py):
// the code of Lempel and Ziv of 1978 over UTF-16 units, the lowest bit of each number first.

import { bytesOfBase64 } from "./base64.js";

const [EIGHT, SIXTEEN, END, FIRST] = [0, 1, 2, 3];

/**
 * The text that was packed.
 * @param {string} packed base64, white space in it ignored
 * @param {number} most characters that it may have
 */
export function unpackedText(packed, most) {
  const next = numbersOf(bytesOfBase64(packed.replace(/\s+/g, "")));
  const table = new Array(FIRST).fill("");
  const parts = [];
  let [width, room, length, before] = [2, 1, 0, ""];
  const widen = () => {
    if (room === 1) [width, room] = [width + 1, 2 ** width];
    else room--;
  };
  for (let code = next(width); code !== END; code = next(width)) {
    if (code === EIGHT || code === SIXTEEN) {
      table.push(String.fromCharCode(next(code === EIGHT ? 8 : 16)));
      code = table.length - 1;
      widen();
    }
    const entry = entryOf(table, code, before);
    parts.push(entry);
    length += entry.length;
    if (length > most) throw new Error("unpacked it is far larger than a drawing of its size");
    if (before) {
      table.push(before + entry[0]);
      widen();
    } else {
      [width, room] = [3, 4];
    }
    before = entry;
  }
  return parts.join("");
}

function entryOf(table, code, before) {
  if (code < table.length && table[code]) return table[code];
  if (code === table.length && before) return before + before[0];
  throw new Error("its packing is damaged");
}

/** Takes numbers of so many bits from bytes. */
function numbersOf(bytes) {
  let at = 0;
  return (width) => {
    if (at + width > 8 * bytes.length) throw new Error("its packing is cut off");
    let value = 0;
    for (let bit = 0; bit < width; bit++, at++) {
      value |= ((bytes[at >> 3] >> (7 - (at & 7))) & 1) << bit;
    }
    return value;
  };
}
