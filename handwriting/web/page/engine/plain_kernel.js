// The functions of kernel.c in JavaScript, for browsers without WebAssembly and as what the
// compiled ones are tested against. The same arguments, the same memory.

export const LANES = 16; // a matrix's rows are rounded up to

const padded = (columns) => Math.ceil(columns / LANES) * LANES;
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const within = (value, least, most) => Math.min(Math.max(value, least), most);

/** The product of a row of bytes and a vector; places are those in the arrays. */
function dot(weights, row, values, start, columns) {
  let a = 0;
  let b = 0;
  let at = 0;
  for (; at + 1 < columns; at += 2) {
    a += weights[row + at] * values[start + at];
    b += weights[row + at + 1] * values[start + at + 1];
  }
  if (at < columns) a += weights[row + at] * values[start + at];
  return a + b;
}

/** @param {{buffer: ArrayBuffer}} memory */
export function plainFunctions(memory) {
  let buffer = null;
  let floats = null;
  let bytes = null;
  let integers = null;

  function bind() {
    if (buffer === memory.buffer) return;
    buffer = memory.buffer;
    floats = new Float32Array(buffer);
    bytes = new Int8Array(buffer);
    integers = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
  }

  return {
    linear(out, base, weight, scale, x, rows, columns) {
      bind();
      const size = padded(columns);
      for (let row = 0; row < rows; row++) {
        const sum = dot(bytes, weight + row * size, floats, x / 4, columns);
        floats[out / 4 + row] = floats[base / 4 + row] + floats[scale / 4 + row] * sum;
      }
    },

    linear_exact(out, base, weight, x, rows, columns) {
      bind();
      for (let row = 0; row < rows; row++) {
        const start = weight / 4 + row * columns;
        let sum = floats[base / 4 + row];
        for (let at = 0; at < columns; at++) sum += floats[start + at] * floats[x / 4 + at];
        floats[out / 4 + row] = sum;
      }
    },

    linear_frames(out, bias, weight, scale, x, xStep, rows, columns, frames, isRelu) {
      bind();
      const size = padded(columns);
      for (let frame = 0; frame < frames; frame++) {
        for (let row = 0; row < rows; row++) {
          const sum = dot(bytes, weight + row * size, floats, x / 4 + frame * xStep, columns);
          const value = floats[bias / 4 + row] + floats[scale / 4 + row] * sum;
          floats[out / 4 + frame * rows + row] = isRelu && value < 0 ? 0 : value;
        }
      }
    },

    lstm(gates, cell, hidden, size) {
      bind();
      for (let at = 0; at < size; at++) {
        const [entry, forget, candidate, output] = [0, 1, 2, 3].map(
          (kind) => floats[gates / 4 + kind * size + at],
        );
        const kept = sigmoid(forget) * floats[cell / 4 + at];
        const next = kept + sigmoid(entry) * Math.tanh(candidate);
        floats[cell / 4 + at] = next;
        floats[hidden / 4 + at] = sigmoid(output) * Math.tanh(next);
      }
    },

    look(parameters, limits, kappa, phi, window, codes, components, length, characters, floor) {
      bind();
      const values = floats.subarray(parameters / 4, parameters / 4 + 3 * components);
      const bounds = floats.subarray(limits / 4, limits / 4 + 6);
      const places = floats.subarray(kappa / 4, kappa / 4 + components);
      const weights = floats.subarray(phi / 4, phi / 4 + length).fill(0);
      const sums = floats.subarray(window / 4, window / 4 + characters).fill(0);
      for (let k = 0; k < components; k++) {
        const alpha = within(values[k], bounds[0], bounds[1]);
        const beta = Math.exp(within(values[components + k], bounds[2], bounds[3]));
        places[k] += Math.exp(within(values[2 * components + k], bounds[4], bounds[5]));
        for (let at = 0; at < length; at++) {
          const value = alpha - beta * (places[k] - at) ** 2;
          if (value > floor) weights[at] += Math.exp(value);
        }
      }
      for (let at = 0; at < length; at++) sums[integers[codes / 4 + at]] += weights[at];
    },

    energies(out, keys, query, energy, location, attention, coverage, frames, size, width) {
      bind();
      for (let frame = 0; frame < frames; frame++) {
        let total = 0;
        for (let at = 0; at < size; at++) {
          let sum = floats[keys / 4 + frame * size + at] + floats[query / 4 + at];
          for (let near = 0; near < width; near++) {
            const first = location / 4 + near * size + at;
            sum += floats[attention / 4 + frame + near] * floats[first];
            sum += floats[coverage / 4 + frame + near] * floats[first + width * size];
          }
          total += Math.tanh(sum) * floats[energy / 4 + at];
        }
        floats[out / 4 + frame] = total;
      }
    },

    weighted_sum(out, rows, weights, frames, size) {
      bind();
      const sums = floats.subarray(out / 4, out / 4 + size).fill(0);
      for (let frame = 0; frame < frames; frame++) {
        const weight = floats[weights / 4 + frame];
        for (let at = 0; at < size; at++) sums[at] += weight * floats[rows / 4 + frame * size + at];
      }
    },
  };
}
