// A character language model, asked in the character indices of a recogniser (docs/export.md).
//
// Shapes: L layers, H cells, C characters of the recogniser.

import { makeKernel } from "./kernel.js";
import { ModelFile } from "./model_file.js";

const SPECIAL_SYMBOLS = 4;
const LEAST_LOG = -1e4;

/** A language model's weights in a kernel of its own. */
export class LanguageModel {
  /**
   * @param {ArrayBuffer} buffer an exported model
   * @param {string[]} symbols of the recogniser
   * @param {WebAssembly.Module | null} module see makeKernel
   * @throws {Error} it does not know a character of the recogniser
   */
  constructor(buffer, symbols, module) {
    const file = new ModelFile(buffer, "language");
    const { about } = file;
    const own = new Map(about.symbols.map((symbol, at) => [symbol, at]));
    const missing = symbols.filter((symbol) => !own.has(symbol));
    if (missing.length) {
      throw new Error(`the language model does not know ${missing.join(" ")}`);
    }
    this.indices = symbols.map((symbol, at) => (at < SPECIAL_SYMBOLS ? at : own.get(symbol)));
    const all = (kind) => symbols.map((symbol, at) => at >= SPECIAL_SYMBOLS && kind.test(symbol));
    this.isDigit = all(/^\p{Nd}$/u);
    this.isCapital = all(/^\p{Lu}$/u);
    const kernel = makeKernel(module);
    this.kernel = kernel;
    this.layers = Array.from({ length: about.num_layers }, (_, layer) => ({
      input: layer ? file.matrix(kernel, `layers.${layer}.input`) : null,
      hidden: file.matrix(kernel, `layers.${layer}.hidden`),
      bias: file.stored(kernel, `layers.${layer}.bias`),
    }));
    this.size = this.layers[0].hidden.columns;
    this.table = tableOf(kernel, file, about.symbols.length, this.size);
    this.output = file.matrix(kernel, "output.weight");
    this.outputBias = file.stored(kernel, "output.bias");
    this.state = kernel.reserveFloats(2 * this.layers.length * this.size);
    this.gates = kernel.reserveFloats(4 * this.size);
    this.logits = kernel.reserveFloats(about.symbols.length);
    this.count = about.symbols.length;
  }

  /** The state before the first character: zeros [2L, H]. */
  initialState() {
    return new Float32Array(2 * this.layers.length * this.size);
  }

  /**
   * Log-probabilities [C] of the character after another, and the new state. A digit, whatever
   * follows one, and a capital that follows one get what a character gets on the average at that
   * place: a model of prose has no say in numbers, nor in text that is all capitals.
   */
  step(previous, before) {
    const { kernel, size, gates } = this;
    kernel.floats(this.state, before.length).set(before);
    let base = this.table + 16 * this.indices[previous] * size;
    let below = 0;
    this.layers.forEach(({ input, hidden, bias }, layer) => {
      const own = this.state + 8 * layer * size;
      if (input) {
        input.multiply(gates, bias, below, false);
        base = gates;
      }
      hidden.multiply(gates, base, own, false);
      kernel.functions.lstm(gates, own + 4 * size, own, size);
      below = own;
    });
    this.output.multiply(this.logits, this.outputBias, below, false);
    const state = kernel.floats(this.state, before.length).slice();
    return { logs: this.logsOf(previous), state };
  }

  logsOf(previous) {
    const logits = this.kernel.floats(this.logits, this.count);
    let top = -Infinity;
    for (const value of logits) top = Math.max(top, value);
    let sum = 0;
    for (const value of logits) sum += Math.exp(value - top);
    const shift = top + Math.log(sum);
    const logs = this.indices.map((at) => logits[at] - shift);
    const usual = logs.reduce((mean, log) => mean + Math.exp(log) * Math.max(log, LEAST_LOG), 0);
    const { isDigit, isCapital } = this;
    const isNeutral = (at) =>
      isDigit[previous] || isDigit[at] || (isCapital[previous] && isCapital[at]);
    return logs.map((log, at) => (isNeutral(at) ? usual : log));
  }
}

/** Each character's share of the first layer's gates, with their bias. */
function tableOf(kernel, file, count, size) {
  const matrix = file.matrix(kernel, "layers.0.input");
  const bias = file.stored(kernel, "layers.0.bias");
  const table = kernel.reserveFloats(count * 4 * size);
  const mark = kernel.top;
  const rows = kernel.store(file.floats("embedding"));
  const room = kernel.reserve(matrix.room(count));
  matrix.multiplyFrames(table, bias, rows, matrix.columns, count, false, room);
  kernel.release(mark);
  return table;
}
