// The pen steps of a model that writes a text (docs/export.md; Graves 2013, sections 4 and 5).
//
// Shapes: L layers, H hidden units, K window components, M mixture components, C characters.

import { makeKernel } from "./kernel.js";
import { ModelFile } from "./model_file.js";

const PEN = 3;
const END_OF_TEXT = 2;
const LOG_TWO_PI = Math.log(2 * Math.PI);
const NOTHING = 16; // floats of zeros past the biases, for products without one

/** A writer's weights in a kernel of its own. */
export class WriterModel {
  /**
   * @param {ArrayBuffer} buffer an exported model
   * @param {WebAssembly.Module | null} module see makeKernel
   */
  constructor(buffer, module) {
    const file = new ModelFile(buffer, "conditional");
    this.about = file.about;
    this.kernel = makeKernel(module);
    this.characters = new Map(this.about.symbols.map((symbol, at) => [symbol, at]));
    const { kernel } = this;
    this.layers = Array.from({ length: this.about.num_layers }, (_, layer) => ({
      pen: file.stored(kernel, `layers.${layer}.pen`),
      window: file.matrix(kernel, `layers.${layer}.window`),
      below: layer ? file.matrix(kernel, `layers.${layer}.below`) : null,
      hidden: file.matrix(kernel, `layers.${layer}.hidden`),
      bias: file.stored(kernel, `layers.${layer}.bias`),
    }));
    this.windowWeight = file.stored(kernel, "window.weight");
    this.windowBias = file.stored(kernel, "window.bias");
    this.output = file.matrix(kernel, "output.weight");
    this.outputBias = file.stored(kernel, "output.bias");
    const { log_alpha: alpha, log_beta: beta, log_step: step } = this.about.window;
    this.limits = kernel.store([...alpha, ...beta, ...step]);
    this.mark = kernel.top;
  }

  /** Characters of a text that the model does not know, each once. */
  unknown(text) {
    return [...new Set(text)].filter((character) => !this.knows(character));
  }

  knows(character) {
    return this.characters.has(character) && character.length <= 2 && character !== "";
  }

  /** Pen steps of a text; one text at a time, since the memory of the last one's is used again. */
  start(text) {
    this.kernel.release(this.mark);
    return new PenSteps(this, text);
  }
}

/** The state of one line between two pen steps. */
export class PenSteps {
  constructor(model, text) {
    const { kernel, about } = model;
    const codes = [...text].map((character) => model.characters.get(character));
    codes.push(END_OF_TEXT);
    this.model = model;
    this.length = codes.length;
    const { hidden_size: size, num_layers: layers, num_window_components: components } = about;
    this.sizes = { size, layers, components, characters: about.symbols.length };
    this.numRaw = 6 * about.num_mixtures + 1;
    // One block, so that it can be kept and put back: outputs, cells, kappa, the window.
    this.stateSize = 2 * layers * size + components + about.symbols.length;
    this.state = kernel.reserveFloats(this.stateSize);
    this.cells = this.state + 4 * layers * size;
    this.kappaAt = this.cells + 4 * layers * size;
    this.windowAt = this.kappaAt + 4 * components;
    this.pen = kernel.reserveFloats(PEN);
    this.gates = kernel.reserveFloats(4 * size);
    this.parameters = kernel.reserveFloats(3 * components);
    this.phiAt = kernel.reserveFloats(this.length);
    this.rawAt = kernel.reserveFloats(this.numRaw + NOTHING);
    this.codes = kernel.storeIntegers(codes);
    this.penView = kernel.floats(this.pen, PEN);
    this.phi = kernel.floats(this.phiAt, this.length);
    this.kappa = kernel.floats(this.kappaAt, components);
    this.raw = kernel.floats(this.rawAt, this.numRaw);
    this.stateView = kernel.floats(this.state, this.stateSize);
  }

  /** The raw outputs [6M+1] after the latest pen step (end of stroke, dx, dy); a view. */
  step(row) {
    const { model, sizes } = this;
    this.penView.set(row);
    model.layers.forEach((layer, index) => this.advance(layer, index, sizes.size));
    model.output.multiply(this.rawAt, model.outputBias, this.state, true);
    return this.raw;
  }

  advance(layer, index, size) {
    const { model, gates } = this;
    const functions = model.kernel.functions;
    const hidden = this.state + 4 * index * size;
    functions.linear_exact(gates, layer.bias, layer.pen, this.pen, 4 * size, PEN);
    layer.window.multiply(gates, gates, this.windowAt, true);
    if (layer.below) layer.below.multiply(gates, gates, hidden - 4 * size, true);
    layer.hidden.multiply(gates, gates, hidden, true);
    functions.lstm(gates, this.cells + 4 * index * size, hidden, size);
    if (index === 0) this.look(hidden);
  }

  look(hidden) {
    const { model, sizes, parameters } = this;
    const { windowWeight, windowBias, limits, about, kernel } = model;
    const rows = 3 * sizes.components;
    kernel.functions.linear_exact(parameters, windowBias, windowWeight, hidden, rows, sizes.size);
    kernel.functions.look(
      parameters, limits, this.kappaAt, this.phiAt, this.windowAt, this.codes,
      sizes.components, this.length, sizes.characters, about.window.log_phi_floor,
    );
  }
}

/** Draws a pen step from raw outputs (Graves 2013, eq. 15-25, 61-62) with a bias and noise. */
export function drawPenStep(raw, bias, noise, limits) {
  const count = (raw.length - 1) / 6;
  const component = chosen(raw, count, bias, noise[0]);
  const value = (kind) => raw[1 + kind * count + component];
  const [sigmaX, sigmaY] = [3, 4].map((kind) =>
    Math.exp(bounded(value(kind), limits.max_log_sigma) - bias),
  );
  const logit = bounded(value(5), limits.max_correlation_logit);
  const across = Math.tanh(logit) * noise[2] + noise[3] / Math.cosh(logit);
  const end = noise[1] < 1 / (1 + Math.exp(-raw[0])) ? 1 : 0;
  return [end, value(1) + sigmaX * noise[2], value(2) + sigmaY * across];
}

function chosen(raw, count, bias, uniform) {
  let top = -Infinity;
  for (let at = 1; at <= count; at++) top = Math.max(top, raw[at]);
  const sums = [];
  let total = 0;
  for (let at = 1; at <= count; at++) {
    total += Math.exp((raw[at] - top) * (1 + bias));
    sums.push(total);
  }
  const place = sums.findIndex((sum) => sum > uniform * total);
  return place < 0 ? count - 1 : place;
}

/** Log-density in nats of a pen step under the raw outputs before it (eq. 23-26), without a bias. */
export function logDensity(raw, row, limits) {
  const count = (raw.length - 1) / 6;
  const logs = [];
  const weights = [];
  for (let at = 0; at < count; at++) {
    const value = (kind) => raw[1 + kind * count + at];
    const [logX, logY] = [3, 4].map((kind) => bounded(value(kind), limits.max_log_sigma));
    const logit = bounded(value(5), limits.max_correlation_logit);
    const zx = (row[1] - value(1)) * Math.exp(-logX);
    const zy = (row[2] - value(2)) * Math.exp(-logY);
    const along = (zx + zy) ** 2 * (1 + Math.exp(-2 * logit));
    const across = (zx - zy) ** 2 * (1 + Math.exp(2 * logit));
    weights.push(value(0));
    logs.push(value(0) + Math.log(Math.cosh(logit)) - logX - logY - (along + across) / 8);
  }
  const end = row[0] > 0.5 ? -softplus(-raw[0]) : -softplus(raw[0]);
  return logSum(logs) - logSum(weights) - LOG_TWO_PI + end;
}

function logSum(logs) {
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((sum, value) => sum + Math.exp(value - top), 0));
}

const softplus = (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));
const bounded = (value, most) => Math.min(Math.max(value, -most), most);
