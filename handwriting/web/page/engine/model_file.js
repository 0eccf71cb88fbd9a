// Exported models (docs/export.md): safetensors with one key of JSON in the metadata.

import { Matrix } from "./kernel.js";
import { parseSafetensors } from "./safetensors.js";

const FORMAT = 1;
const SCALE = ".scale";

/** A file's rules, and its tensors as the kernel has them. */
export class ModelFile {
  /**
   * @param {ArrayBuffer} buffer
   * @param {string} task that the model should have
   * @throws {Error} in one line, for any other file
   */
  constructor(buffer, task) {
    const { metadata, tensors } = parseSafetensors(buffer);
    this.about = JSON.parse(metadata.handwriting ?? "{}");
    this.tensors = tensors;
    if (this.about.format !== FORMAT || this.about.task !== task) {
      throw new Error(`the weights are not those of the task ${task}, format ${FORMAT}`);
    }
    if (this.about.layer_norm && task === "conditional") {
      throw new Error("writers with layer normalisation do not run in the page");
    }
  }

  has(name) {
    return this.tensors.has(name);
  }

  /** @returns {{data: Int8Array | Float32Array, shape: number[], scales: Float32Array | null}} */
  tensor(name) {
    const found = this.tensors.get(name);
    if (!found) throw new Error(`the weights have no tensor ${name}`);
    return { ...found, scales: this.tensors.get(name + SCALE)?.data ?? null };
  }

  /** Floats, whether the file has them rounded or not. */
  floats(name) {
    const { data, shape, scales } = this.tensor(name);
    if (!scales) return data;
    const width = data.length / shape[0];
    return Float32Array.from(data, (value, at) => value * scales[Math.floor(at / width)]);
  }

  matrix(kernel, name) {
    return new Matrix(kernel, this.tensor(name));
  }


  /** Places floats in the kernel's memory. */
  stored(kernel, name) {
    return kernel.store(this.floats(name));
  }
}
