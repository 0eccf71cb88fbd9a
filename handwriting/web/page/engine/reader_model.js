// The recogniser: features of a line to frames, to characters (docs/export.md).
//
// Shapes: N feature points, F features, N' frames, E width of the memory, S encoder cells,
// D decoder cells, A width of the keys, C vocabulary.

import { makeKernel, Matrix } from "./kernel.js";
import { ModelFile } from "./model_file.js";

const [START_OF_TEXT, END_OF_TEXT, FIRST_CHARACTER] = [1, 2, 4];
const NORM_EPSILON = 1e-5;

/** A recogniser's weights in a kernel of its own. */
export class ReaderModel {
  /**
   * @param {ArrayBuffer} buffer an exported model
   * @param {WebAssembly.Module | null} module see makeKernel
   */
  constructor(buffer, module) {
    const file = new ModelFile(buffer, "recognition");
    const { about } = file;
    if (!about.ctc) throw new Error("the page reads with recognisers that have a CTC output");
    this.about = about;
    this.kernel = makeKernel(module);
    const { kernel } = this;
    this.convolutions = about.strides.map((stride, at) => convolution(kernel, file, at, stride));
    this.encoder = Array.from({ length: about.encoder_layers }, (_, layer) => ({
      ahead: lstmOf(kernel, file, `encoder.${layer}.ahead`),
      back: lstmOf(kernel, file, `encoder.${layer}.back`),
      gain: about.layer_norm ? file.floats(`encoder.${layer}.gain`) : null,
      shift: about.layer_norm ? file.floats(`encoder.${layer}.bias`) : null,
    }));
    this.ctc = linearOf(kernel, file, "ctc");
    this.decoder = new DecoderWeights(kernel, file);
    this.mark = kernel.top;
  }

  /**
   * Encodes a line.
   * @param {number[][]} features of each point
   * @returns {EncodedLine} good until the next line is encoded
   */
  encode(features) {
    const { kernel } = this;
    kernel.release(this.mark);
    let { values, frames } = this.convolved(features);
    for (const layer of this.encoder) values = this.bidirectional(layer, values, frames);
    return new EncodedLine(this, values, frames);
  }

  convolved(features) {
    const { kernel } = this;
    let frames = features.length;
    let width = features[0].length;
    let padding = this.convolutions[0].padding;
    let start = kernel.reserveFloats((frames + 2 * padding) * width);
    const view = kernel.floats(start, (frames + 2 * padding) * width);
    features.forEach((row, at) => view.set(row, (padding + at) * width));
    let values = start;
    this.convolutions.forEach((layer, at) => {
      const { matrix, bias, stride } = layer;
      const count = Math.ceil(frames / stride);
      // Zeros before and after for the next one.
      padding = this.convolutions[at + 1]?.padding ?? 0;
      const next = kernel.reserveFloats((count + 2 * padding) * matrix.rows);
      const out = next + 4 * padding * matrix.rows;
      const room = kernel.reserve(matrix.room(count));
      matrix.multiplyFrames(out, bias, values, stride * width, count, true, room);
      [values, frames, width] = [next, count, matrix.rows];
    });
    return { values, frames };
  }

  bidirectional(layer, values, frames) {
    const { kernel } = this;
    const size = this.about.encoder_size;
    const out = kernel.reserveFloats(frames * 2 * size);
    this.direction(layer.ahead, values, frames, out, false);
    this.direction(layer.back, values, frames, out + 4 * size, true);
    if (layer.gain) normalise(kernel.floats(out, frames * 2 * size), 2 * size, layer);
    return out;
  }

  direction({ input, hidden, bias }, values, frames, out, isBack) {
    const { kernel } = this;
    const size = this.about.encoder_size;
    const mark = kernel.top;
    const gates = kernel.reserveFloats(frames * 4 * size);
    const room = kernel.reserve(input.room(frames));
    const cell = kernel.reserveFloats(size);
    const zeros = kernel.reserveFloats(size);
    const sums = kernel.reserveFloats(4 * size);
    input.multiplyFrames(gates, bias, values, input.columns, frames, false, room);
    let before = zeros;
    for (let step = 0; step < frames; step++) {
      const frame = isBack ? frames - 1 - step : step;
      hidden.multiply(sums, gates + 16 * frame * size, before, false);
      before = out + 8 * frame * size;
      kernel.functions.lstm(sums, cell, before, size);
    }
    kernel.release(mark);
  }
}

/** A line as the decoders read it. */
export class EncodedLine {
  constructor(model, memory, frames) {
    const { kernel } = model;
    this.model = model;
    this.memory = memory;
    this.frames = frames;
    this.size = model.ctc.matrix.rows;
    const out = kernel.reserveFloats(frames * this.size);
    const room = kernel.reserve(model.ctc.matrix.room(frames));
    const { matrix, bias } = model.ctc;
    matrix.multiplyFrames(out, bias, memory, matrix.columns, frames, false, room);
    /** Log-probabilities [N', C] of the CTC output. */
    this.logProbs = kernel.floats(out, frames * this.size).slice();
    for (let frame = 0; frame < frames; frame++) {
      logSoftmax(this.logProbs.subarray(frame * this.size, (frame + 1) * this.size));
    }
  }

  /** The attention decoder before the first character. */
  decoder() {
    return new Decoder(this.model, this);
  }
}

class DecoderWeights {
  constructor(kernel, file) {
    const { symbols, decoder_size: size, location } = file.about;
    this.size = size;
    this.context = file.matrix(kernel, "decoder.context");
    this.hidden = file.matrix(kernel, "decoder.hidden");
    this.query = file.matrix(kernel, "decoder.query");
    this.keySize = this.query.rows;
    this.energy = file.stored(kernel, "decoder.energy");
    this.keys = linearOf(kernel, file, "decoder.keys");
    this.start = linearOf(kernel, file, "decoder.start");
    this.features = linearOf(kernel, file, "decoder.features");
    this.output = linearOf(kernel, file, "decoder.output");
    this.width = location ? file.tensor("decoder.location").shape[2] : 0;
    this.location = location ? kernel.store(byPlace(file.floats("decoder.location"), this)) : 0;
    this.table = tableOf(kernel, file, symbols.length, size);
  }
}

/** location [A, 2, V] as [2, V, A]. */
function byPlace(values, { keySize, width }) {
  const found = new Float32Array(values.length);
  for (let key = 0; key < keySize; key++) {
    for (let at = 0; at < 2 * width; at++) found[at * keySize + key] = values[key * 2 * width + at];
  }
  return found;
}

/** Each character's share of the gates, [C, 4D]. */
function tableOf(kernel, file, count, size) {
  const embedding = file.floats("decoder.embedding");
  const matrix = file.matrix(kernel, "decoder.input");
  const bias = file.stored(kernel, "decoder.bias");
  const table = kernel.reserveFloats(count * 4 * size);
  const mark = kernel.top;
  const rows = kernel.store(embedding);
  const room = kernel.reserve(matrix.room(count));
  matrix.multiplyFrames(table, bias, rows, matrix.columns, count, false, room);
  kernel.release(mark);
  return table;
}

/** The attention decoder over one encoded line; its state can be kept and put back. */
export class Decoder {
  constructor(model, encoded) {
    const { kernel, decoder: weights } = model;
    const { frames, memory } = encoded;
    const width = model.ctc.matrix.columns;
    this.weights = weights;
    this.kernel = kernel;
    this.frames = frames;
    this.memory = memory;
    this.width = width;
    this.keys = kernel.reserveFloats(frames * weights.keySize);
    const room = kernel.reserve(weights.keys.matrix.room(frames));
    const { matrix, bias } = weights.keys;
    matrix.multiplyFrames(this.keys, bias, memory, width, frames, false, room);
    const { size } = weights;
    this.padding = Math.floor(weights.width / 2);
    const padded = frames + 2 * this.padding;
    // One block: hidden output, context, cell, attention, coverage.
    this.stateSize = 2 * size + width + 2 * padded;
    this.state = kernel.reserveFloats(this.stateSize);
    this.context = this.state + 4 * size;
    this.cell = this.context + 4 * width;
    this.attention = this.cell + 4 * size;
    this.coverage = this.attention + 4 * padded;
    this.gates = kernel.reserveFloats(4 * size);
    this.query = kernel.reserveFloats(weights.keySize);
    this.zeros = kernel.reserveFloats(Math.max(weights.keySize, 4));
    this.energies = kernel.reserveFloats(frames);
    this.hiddenFeatures = kernel.reserveFloats(size);
    this.logits = kernel.reserveFloats(model.about.symbols.length);
    this.numSymbols = model.about.symbols.length;
    this.begin();
    this.first = this.keep();
  }

  begin() {
    const { kernel, weights, frames, width } = this;
    const half = width / 2;
    const ends = kernel.reserveFloats(width);
    const view = kernel.floats(ends, width);
    view.set(kernel.floats(this.memory + 4 * (frames - 1) * width, half), 0);
    view.set(kernel.floats(this.memory + 4 * half, half), half);
    weights.start.matrix.multiply(this.state, weights.start.bias, ends, false);
    tanhOf(kernel.floats(this.state, weights.size));
  }

  keep() {
    return this.kernel.floats(this.state, this.stateSize).slice();
  }

  /** Sum over the frames of log(min(coverage, 1)) (Wu et al. 2016, eq. 14), no frame's less than
   * the log of `floor`. */
  coverageLog(floor) {
    const coverage = this.kernel.floats(this.coverage + 4 * this.padding, this.frames);
    return coverage.reduce((sum, each) => sum + Math.log(Math.min(Math.max(each, floor), 1)), 0);
  }

  putBack(state) {
    this.kernel.floats(this.state, this.stateSize).set(state);
  }

  /** Log-probabilities [C] of the character after `previous`. */
  step(previous) {
    const { kernel, weights, frames, gates, padding } = this;
    const { functions } = kernel;
    const { size, keySize } = weights;
    const row = weights.table + 16 * previous * size;
    weights.context.multiply(gates, row, this.context, false);
    weights.hidden.multiply(gates, gates, this.state, false);
    functions.lstm(gates, this.cell, this.state, size);
    weights.query.multiply(this.query, this.zeros, this.state, false);
    functions.energies(
      this.energies, this.keys, this.query, weights.energy, weights.location, this.attention,
      this.coverage, frames, keySize, weights.width,
    );
    const attention = kernel.floats(this.attention + 4 * padding, frames);
    const coverage = kernel.floats(this.coverage + 4 * padding, frames);
    attention.set(kernel.floats(this.energies, frames));
    logSoftmax(attention);
    for (let at = 0; at < frames; at++) {
      attention[at] = Math.exp(attention[at]);
      coverage[at] += attention[at];
    }
    const from = this.attention + 4 * padding;
    functions.weighted_sum(this.context, this.memory, from, frames, this.width);
    weights.features.matrix.multiply(
      this.hiddenFeatures, weights.features.bias, this.state, false,
    );
    tanhOf(kernel.floats(this.hiddenFeatures, size));
    const { matrix, bias } = weights.output;
    matrix.multiply(this.logits, bias, this.hiddenFeatures, false);
    const logits = kernel.floats(this.logits, this.numSymbols).slice();
    logSoftmax(logits);
    return logits;
  }

  /** The best character each time. */
  greedy(longest) {
    this.putBack(this.first);
    const codes = [];
    while (codes.length < longest) {
      const logs = this.step(codes.length ? codes[codes.length - 1] : START_OF_TEXT);
      let best = END_OF_TEXT;
      for (let at = FIRST_CHARACTER; at < logs.length; at++) if (logs[at] > logs[best]) best = at;
      if (best === END_OF_TEXT) break;
      codes.push(best);
    }
    return codes;
  }
}

function linearOf(kernel, file, name) {
  return {
    matrix: file.matrix(kernel, `${name}.weight`), bias: file.stored(kernel, `${name}.bias`),
  };
}

function lstmOf(kernel, file, name) {
  return {
    input: file.matrix(kernel, `${name}.input`),
    hidden: file.matrix(kernel, `${name}.hidden`),
    bias: file.stored(kernel, `${name}.bias`),
  };
}

/** Kernels [out, in, W] as a matrix [out, W * in] of what lies together in memory. */
function convolution(kernel, file, at, stride) {
  const { data, shape, scales } = file.tensor(`convolutions.${at}.weight`);
  const [out, inputs, width] = shape;
  const reordered = new data.constructor(data.length);
  for (let row = 0; row < out; row++) {
    const start = row * inputs * width;
    for (let channel = 0; channel < inputs; channel++) {
      for (let place = 0; place < width; place++) {
        reordered[start + place * inputs + channel] = data[start + channel * width + place];
      }
    }
  }
  const matrix = new Matrix(kernel, { data: reordered, shape: [out, inputs * width], scales });
  const bias = file.stored(kernel, `convolutions.${at}.bias`);
  return { matrix, bias, stride, padding: Math.floor(width / 2) };
}

function normalise(values, width, { gain, shift }) {
  for (let start = 0; start < values.length; start += width) {
    const row = values.subarray(start, start + width);
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const scale = 1 / Math.sqrt(variance + NORM_EPSILON);
    for (let at = 0; at < width; at++) row[at] = (row[at] - mean) * scale * gain[at] + shift[at];
  }
}

function logSoftmax(values) {
  let top = -Infinity;
  for (const value of values) if (value > top) top = value;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - top);
  const shift = top + Math.log(sum);
  for (let at = 0; at < values.length; at++) values[at] -= shift;
}

function tanhOf(values) {
  for (let at = 0; at < values.length; at++) values[at] = Math.tanh(values[at]);
}
