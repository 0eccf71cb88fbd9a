// The reader with the interface of the WICG's Handwriting Recognition API
// (https://wicg.github.io/handwriting-recognition/), for pages that have canvases of their own:
//
//   import { createHandwritingRecognizer } from "./interface/handwriting_recognizer.js";
//   const recognizer = await createHandwritingRecognizer({ languages: ["en"] });
//   const drawing = recognizer.startDrawing({ recognitionType: "text", alternatives: 2 });
//   const stroke = new HandwritingStroke();
//   stroke.addPoint({ x: 10, y: 20, t: 0 });
//   drawing.addStroke(stroke);
//   const [{ text, segmentationResult }] = await drawing.getPrediction();

import { Engine } from "../engine/client.js";

const MOST_ALTERNATIVES = 5;

/** One stroke: its points {x, y, t}, y downwards. */
export class HandwritingStroke {
  #points = [];

  addPoint({ x, y, t }) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) throw new TypeError("x and y must be numbers");
    this.#points.push(t === undefined ? { x, y } : { x, y, t });
  }

  getPoints() {
    return this.#points.map((point) => ({ ...point }));
  }

  clear() {
    this.#points = [];
  }
}

/** Features of the recogniser for a model's constraint; null for languages that it does not read. */
export async function queryHandwritingRecognizer({ languages = [] } = {}) {
  if (!languages.every(isRead)) return null;
  return { textAlternatives: true, textSegmentation: true, hints: { alternatives: true } };
}

const isRead = (language) => /^en\b/i.test(language);

/** @throws {DOMException} NotSupportedError, for languages that are not read */
export async function createHandwritingRecognizer({ languages = ["en"] } = {}) {
  if (!languages.every(isRead)) {
    throw new DOMException(`languages: en, got ${languages.join(", ")}`, "NotSupportedError");
  }
  const recognizer = new HandwritingRecognizer();
  await recognizer.ready;
  return recognizer;
}

class HandwritingRecognizer {
  #waiting = new Map();
  #number = 0;
  #engine = new Engine("reader", (message) => this.#answered(message));
  #isFinished = false;

  constructor() {
    this.ready = this.#engine.load();
  }

  startDrawing(hints = {}) {
    if (this.#isFinished) throw new DOMException("it is finished", "InvalidStateError");
    return new HandwritingDrawing((strokes) => this.#read(strokes), hints);
  }

  finish() {
    this.#isFinished = true;
    this.#engine.stop();
    for (const { reject } of this.#waiting.values()) {
      reject(new DOMException("it is finished", "AbortError"));
    }
    this.#waiting.clear();
  }

  #read(strokes) {
    return new Promise((resolve, reject) => {
      const id = ++this.#number;
      this.#waiting.set(id, { resolve, reject });
      this.#engine.send({ kind: "read", id, strokes }).catch(reject);
    });
  }

  #answered({ kind, id, lines, message }) {
    const request = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (kind === "read") request?.resolve(lines);
    else request?.reject(new DOMException(message, "UnknownError"));
  }
}

class HandwritingDrawing {
  #strokes = [];
  #read;
  #hints;

  constructor(read, hints) {
    this.#read = read;
    this.#hints = hints;
  }

  addStroke(stroke) {
    if (!(stroke instanceof HandwritingStroke)) throw new TypeError("a HandwritingStroke is wanted");
    this.#strokes.push(stroke);
  }

  removeStroke(stroke) {
    this.#strokes = this.#strokes.filter((each) => each !== stroke);
  }

  clear() {
    this.#strokes = [];
  }

  getStrokes() {
    return [...this.#strokes];
  }

  /**
   * What the drawing says, the likeliest first; lines are parted by newlines.
   * @returns {Promise<{text: string, segmentationResult: object[]}[]>} segmentationResult, of the
   *   first: {grapheme, beginIndex, endIndex, drawingSegments: [{strokeIndex, beginPointIndex,
   *   endPointIndex}]}, its ends being one past the last
   */
  async getPrediction() {
    const strokes = this.#strokes.map((stroke) => stroke.getPoints().map(({ x, y }) => [x, y]));
    const lines = (await this.#read(strokes)).filter(({ text }) => text);
    if (!lines.length) return [];
    const text = lines.map(textOf).join("\n");
    const predictions = [{ text, segmentationResult: segmentsOf(lines, strokes) }];
    const wanted = Math.min(this.#hints.alternatives ?? 0, MOST_ALTERNATIVES);
    for (const other of alternativesOf(lines)) {
      if (predictions.length > wanted) break;
      predictions.push({ text: other, segmentationResult: [] });
    }
    return predictions;
  }
}

const textOf = ({ words }) => words.map(({ text }) => text).join(" ");

/** Texts in which one line is read otherwise. */
function* alternativesOf(lines) {
  for (const [at, { texts }] of lines.entries()) {
    for (const text of texts.slice(1)) {
      yield lines.map((line, number) => (number === at ? text : textOf(line))).join("\n");
    }
  }
}

function segmentsOf(lines, strokes) {
  const segments = [];
  let index = 0;
  for (const line of lines) {
    for (const { characters } of line.words) {
      for (const { text, rows } of characters) {
        segments.push({
          grapheme: text, beginIndex: index, endIndex: index + text.length,
          drawingSegments: drawingSegments(line.strokes, strokes, rows),
        });
        index += text.length;
      }
      index++; // a space, or the newline after a line
    }
  }
  return segments;
}

/** Parts of strokes that a line's rows from first to before stop are. */
function drawingSegments(order, strokes, [first, stop]) {
  const segments = [];
  let start = 0;
  for (const strokeIndex of order) {
    const end = start + strokes[strokeIndex].length;
    const [begin, last] = [Math.max(first, start), Math.min(stop, end)];
    if (begin < last) {
      segments.push({ strokeIndex, beginPointIndex: begin - start, endPointIndex: last - start });
    }
    start = end;
  }
  return segments;
}
