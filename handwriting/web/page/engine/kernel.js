// The arithmetic of the models and the memory it works in: WebAssembly, or plain JavaScript where
// that is not to be had. Pointers are byte offsets into one buffer, as in C.

import { LANES, plainFunctions } from "./plain_kernel.js";

const ALIGNMENT = 16;
const PAGE = 65536;
const PLAIN_START = 64;

/** Memory with a bump allocator, and the functions that work in it. */
export class Kernel {
  /**
   * @param {object} functions linear, linear_frames, lstm, look, energies, weighted_sum
   * @param {WebAssembly.Memory | GrowingMemory} memory
   * @param {number} start the first free byte
   */
  constructor(functions, memory, start) {
    this.functions = functions;
    this.isCompiled = !(memory instanceof GrowingMemory);
    this.memory = memory;
    this.top = start;
  }

  get buffer() {
    return this.memory.buffer;
  }

  /** Reserves bytes, all zero, and returns where they begin. Views made before may be detached. */
  reserve(bytes) {
    const start = Math.ceil(this.top / ALIGNMENT) * ALIGNMENT;
    this.top = start + bytes + ALIGNMENT; // functions may read a little past the end
    const missing = this.top - this.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    new Uint8Array(this.buffer, start, bytes + ALIGNMENT).fill(0);
    return start;
  }

  reserveFloats(count) {
    return this.reserve(4 * count);
  }

  /** Gives back all that was reserved since `top` was `mark`. */
  release(mark) {
    this.top = mark;
  }

  floats(pointer, count) {
    return new Float32Array(this.buffer, pointer, count);
  }

  /** Reserves room for numbers and writes them there. */
  store(numbers) {
    const pointer = this.reserveFloats(numbers.length);
    this.floats(pointer, numbers.length).set(numbers);
    return pointer;
  }

  storeIntegers(numbers) {
    const pointer = this.reserve(4 * numbers.length);
    new Int32Array(this.buffer, pointer, numbers.length).set(numbers);
    return pointer;
  }
}

/** Memory of the plain functions. */
class GrowingMemory {
  constructor() {
    this.buffer = new ArrayBuffer(PAGE);
  }

  grow(pages) {
    const larger = new ArrayBuffer(2 * this.buffer.byteLength + pages * PAGE);
    new Uint8Array(larger).set(new Uint8Array(this.buffer));
    this.buffer = larger;
  }
}

/**
 * Makes a kernel.
 * @param {WebAssembly.Module | null} module of kernel.c; null for plain JavaScript
 */
export function makeKernel(module) {
  if (!module) {
    const memory = new GrowingMemory();
    return new Kernel(plainFunctions(memory), memory, PLAIN_START);
  }
  const { exports } = new WebAssembly.Instance(module, {});
  return new Kernel(exports, exports.memory, exports.__heap_base.value);
}

/** Compiles the kernel at a place; null where the browser cannot. */
export async function fetchKernelModule(url) {
  try {
    const answer = await fetch(url);
    return await WebAssembly.compile(await answer.arrayBuffer());
  } catch {
    return null;
  }
}

/** An int8 matrix in a kernel's memory, each row padded to LANES, with a scale a row. */
export class Matrix {
  /**
   * @param {Kernel} kernel
   * @param {{data: Int8Array | Float32Array, shape: number[], scales: Float32Array | null}} tensor
   *   floats are rounded to 255 steps a row
   */
  constructor(kernel, tensor) {
    const [rows, columns] = tensor.shape;
    const { data, scales } = tensor.scales ? tensor : rounded(tensor.data, rows, columns);
    const stride = Math.ceil(columns / LANES) * LANES;
    this.kernel = kernel;
    this.rows = rows;
    this.columns = columns;
    this.weight = kernel.reserve(rows * stride);
    this.scale = kernel.store(scales);
    const bytes = new Int8Array(kernel.buffer, this.weight, rows * stride);
    for (let row = 0; row < rows; row++) {
      bytes.set(data.subarray(row * columns, (row + 1) * columns), row * stride);
    }
  }

  /** out = base + matrix @ x. All are pointers; fine is for sums as exact as those of floats. */
  multiply(out, base, x, fine) {
    const { weight, scale, rows, columns } = this;
    this.kernel.functions.linear(out, base, weight, scale, x, rows, columns, fine ? 1 : 0);
  }

  /** Bytes of room that multiplyFrames takes. */
  room(frames) {
    const stride = Math.ceil(this.columns / LANES) * LANES;
    return 4 * (Math.ceil(frames / 4) * 4) + 2 * frames * stride;
  }

  /** out [frames, rows] = bias + matrix @ x for frames that begin every xStep floats. */
  multiplyFrames(out, bias, x, xStep, frames, isRelu, room) {
    const { weight, scale, rows, columns } = this;
    this.kernel.functions.linear_frames(
      out, bias, weight, scale, x, xStep, rows, columns, frames, isRelu ? 1 : 0, room,
    );
  }
}

function rounded(values, rows, columns) {
  const data = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const of = values.subarray(row * columns, (row + 1) * columns);
    const most = of.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    scales[row] = most / 127 || 1;
    for (let at = 0; at < columns; at++) data[row * columns + at] = Math.round(of[at] / scales[row]);
  }
  return { data, scales };
}
