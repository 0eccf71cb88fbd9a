// Archives of several files, stored as they are (PKWARE's APPNOTE.TXT, sections 4.3.7 to 4.3.16).

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
const UTF8_NAMES = 0x0800;
const FIRST_OF_1980 = 0x21; // a date, so that the same files give the same archive
const VERSION = 20;

export function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/**
 * @param {{name: string, bytes: Uint8Array}[]} files
 * @returns {Uint8Array[]} parts of the archive
 */
export function zipOf(files) {
  const [parts, entries] = [[], []];
  let offset = 0;
  for (const { name, bytes } of files) {
    const title = new TextEncoder().encode(name);
    const shared = [
      [2, VERSION], [2, UTF8_NAMES], [2, 0], [2, 0], [2, FIRST_OF_1980], [4, crc32(bytes)],
      [4, bytes.length], [4, bytes.length], [2, title.length], [2, 0],
    ];
    const local = numbers([[4, 0x04034b50], ...shared]);
    parts.push(local, title, bytes);
    const rest = [[2, 0], [2, 0], [2, 0], [4, 0], [4, offset]];
    entries.push(numbers([[4, 0x02014b50], [2, VERSION], ...shared, ...rest]), title);
    offset += local.length + title.length + bytes.length;
  }
  const size = entries.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = [[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]];
  return [...parts, ...entries, numbers(end)];
}

/** Little-endian numbers, each [bytes, value]. */
function numbers(values) {
  const length = values.reduce((sum, [bytes]) => sum + bytes, 0);
  const view = new DataView(new ArrayBuffer(length));
  let at = 0;
  for (const [bytes, value] of values) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}
