// The engine as the page's thread sees it: weights, the workers, the drop-in reader's backend.

import { fetchKernelModule } from "./kernel.js";
import { parseSafetensors } from "./safetensors.js";

const WEIGHTS = new URL("../weights/", import.meta.url);
const RULES = new URL("../vendor/hyphenation/", import.meta.url);
const KERNEL = new URL("./kernel.wasm", import.meta.url);

let manifest = null;
let kernel = null;
const fetched = new Map();

/** The list of weights: {writer, reader, language, hands}, names of files beside it. */
export function weightsList() {
  manifest ??= fetchOk(new URL("manifest.json", WEIGHTS)).then((answer) => answer.json());
  manifest.catch(() => (manifest = null));
  return manifest;
}

/** A file of weights by its place in the list, fetched once; null where there is none. */
export async function weightsOf(kind) {
  const name = (await weightsList())[kind];
  if (!name || !/^[\w.-]+$/.test(name)) return null;
  if (!fetched.has(name)) {
    const answer = fetchOk(new URL(name, WEIGHTS)).then((each) => each.arrayBuffer());
    answer.catch(() => fetched.delete(name));
    fetched.set(name, answer);
  }
  return fetched.get(name);
}

const hyphenations = new Map();

/** A language's rules of hyphenation, fetched once. */
function rulesOf(language) {
  if (!hyphenations.has(language)) {
    const answer = fetchOk(new URL(`hyph_${language}.dic`, RULES)).then((each) => each.text());
    answer.catch(() => hyphenations.delete(language));
    hyphenations.set(language, answer);
  }
  return hyphenations.get(language);
}

async function fetchOk(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url.pathname.split("/").pop()} could not be loaded`);
  return answer;
}

/** Hands that a model made up: [{name, bias, text, strokes}]. */
export async function madeHands() {
  const buffer = await weightsOf("hands");
  if (!buffer) return [];
  const { metadata, tensors } = parseSafetensors(buffer);
  return JSON.parse(metadata.handwriting).hands.map(({ name, text, bias }) => {
    const { data, shape } = tensors.get(name);
    const strokes = Array.from({ length: shape[0] }, (_, at) => [...data.subarray(3 * at, 3 * at + 3)]);
    return { name, text, bias, strokes };
  });
}

/** A worker with its weights; requests answer through `onMessage`. */
export class Engine {
  /**
   * @param {"writer" | "reader"} kind
   * @param {(message: object) => void} onMessage
   */
  constructor(kind, onMessage) {
    this.kind = kind;
    this.onMessage = onMessage;
    this.worker = null;
    this.about = null;
  }

  /** Loads weights and starts the worker; once. @returns {Promise<object>} what the model is */
  load() {
    this.loading ??= this.start();
    this.loading.catch(() => (this.loading = null));
    return this.loading;
  }

  async start() {
    kernel ??= fetchKernelModule(KERNEL);
    const wanted = [weightsOf(this.kind), this.kind === "reader" ? weightsOf("language") : null];
    const [weights, language, module] = await Promise.all([...wanted, kernel]);
    if (!weights) throw new Error(`no weights of a ${this.kind} are installed`);
    const script = this.kind === "writer" ? "./write_worker.js" : "./read_worker.js";
    this.worker = new Worker(new URL(script, import.meta.url), { type: "module" });
    return new Promise((resolve, reject) => {
      this.worker.addEventListener("message", ({ data }) => {
        if (data.kind === "loaded") {
          this.about = data.about;
          this.isCompiled = data.isCompiled;
          resolve(data.about);
        } else if (data.kind === "error" && !this.about) {
          reject(new Error(data.message));
        } else {
          this.onMessage(data);
        }
      });
      this.worker.addEventListener("error", (event) => {
        const message = event.message || "the worker stopped";
        reject(new Error(message));
        this.onMessage({ kind: "error", message });
      });
      this.worker.postMessage({ kind: "load", weights, language, module });
    });
  }

  /** Sends a request once the engine is loaded. */
  async send(request) {
    await this.load();
    this.worker.postMessage(request);
  }

  /** Gives a writer the reader's weights, to judge what it writes; once. */
  async addJudge() {
    await this.load();
    this.judging ??= Promise.all([weightsOf("reader"), kernel]).then(([weights, module]) => {
      if (!weights) throw new Error("no weights of a reader are installed");
      this.worker.postMessage({ kind: "judge", weights, module });
    });
    this.judging.catch(() => (this.judging = null));
    return this.judging;
  }

  /** Gives a writer a language's rules of hyphenation; once. */
  async addRules(language) {
    if (!/^[a-z]{2}_[A-Z]{2}$/.test(language)) throw new Error("there are no such rules of hyphenation");
    await this.load();
    this.rules ??= new Map();
    if (!this.rules.has(language)) {
      const text = rulesOf(language).then((rules) => {
        this.worker.postMessage({ kind: "rules", language, text: rules });
      });
      text.catch(() => this.rules.delete(language));
      this.rules.set(language, text);
    }
    return this.rules.get(language);
  }

  /** Ends what it is doing; the next request starts it anew. */
  stop() {
    this.worker?.terminate();
    this.worker = null;
    this.loading = null;
    this.about = this.judging = this.rules = null;
  }
}
