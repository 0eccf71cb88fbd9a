// Lines in NumPy files of numbers (handwriting/formats/npy_reader.py): an array [T, 3] of rows as in
// Line.strokes. Arrays of objects, which are programs, are not read.

const READERS = {
  f4: (view, at, isLittle) => view.getFloat32(at, isLittle),
  f8: (view, at, isLittle) => view.getFloat64(at, isLittle),
  i4: (view, at, isLittle) => view.getInt32(at, isLittle),
  i8: (view, at, isLittle) => Number(view.getBigInt64(at, isLittle)),
};

/**
 * The rows of an array.
 * @param {ArrayBuffer} buffer
 * @returns {number[][]}
 */
export function npyRows(buffer) {
  const view = new DataView(buffer);
  const isNpy = buffer.byteLength > 12 && view.getUint32(0) === 0x934e554d && view.getUint16(4) === 0x5059;
  if (!isNpy) throw new Error("it is no .npy file");
  const isFirst = view.getUint8(6) === 1;
  const start = isFirst ? 10 : 12;
  const length = isFirst ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = String.fromCharCode(...new Uint8Array(buffer).subarray(start, start + Math.min(length, 1000)));
  const type = /'descr':\s*'([<>=])(f4|f8|i4|i8)'/.exec(header);
  const shape = /'shape':\s*\((\d+),\s*3,?\)/.exec(header);
  if (!type || !shape || !/'fortran_order':\s*False/.test(header)) {
    throw new Error("it is no array [T, 3] of numbers");
  }
  const [count, size] = [Number(shape[1]), Number(type[2][1])];
  if (start + length + 3 * count * size > buffer.byteLength) throw new Error("the array is cut off");
  const read = (at) => READERS[type[2]](view, start + length + at * size, type[1] !== ">");
  return Array.from({ length: count }, (_, row) => [0, 1, 2].map((column) => read(3 * row + column)));
}
