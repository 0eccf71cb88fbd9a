// Files of tensors: https://github.com/huggingface/safetensors, its format alone.

const MOST_HEADER = 10_000_000;
const TYPES = { I8: Int8Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array };

/**
 * @param {ArrayBuffer} buffer a whole file
 * @returns {{metadata: Object<string, string>, tensors: Map<string, {data: object, shape: number[]}>}}
 * @throws {Error} it is no such file, or is cut
 */
export function parseSafetensors(buffer) {
  const size = buffer.byteLength < 8 ? 0 : Number(new DataView(buffer).getBigUint64(0, true));
  if (size < 2 || size > MOST_HEADER || 8 + size > buffer.byteLength) {
    throw new Error("the weights are no safetensors file");
  }
  const header = JSON.parse(utf8(new Uint8Array(buffer, 8, size)));
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map();
  for (const [name, entry] of Object.entries(entries)) {
    tensors.set(name, tensorOf(buffer, 8 + size, name, entry));
  }
  return { metadata, tensors };
}

function tensorOf(buffer, start, name, { dtype, shape, data_offsets: [first, last] }) {
  const Type = dtype === "F16" ? Uint16Array : TYPES[dtype];
  if (!Type) throw new Error(`the weights' tensor ${name} has the type ${dtype}`);
  const count = shape.reduce((product, length) => product * length, 1);
  if (last - first !== count * Type.BYTES_PER_ELEMENT || start + last > buffer.byteLength) {
    throw new Error(`the weights' tensor ${name} is cut`);
  }
  const data = new Type(buffer.slice(start + first, start + last));
  return { shape, data: dtype === "F16" ? Float32Array.from(data, fromHalf) : data };
}

function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function utf8(bytes) {
  if (typeof TextDecoder !== "undefined") return new TextDecoder().decode(bytes);
  const escaped = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  return decodeURIComponent(escaped);
}
