// Reads lines beside the page's own thread. Messages to it: {kind: "load", weights, language, module},
// {kind: "read", id, strokes}: points [[x, y], ...] of strokes, y downwards, divided into lines here.

import { splitLines } from "../ink/line_segmentation.js";
import { rowsOfPoints } from "../ink/strokes.js";
import { LanguageModel } from "./language_model.js";
import { ReaderModel } from "./reader_model.js";
import { LineReader } from "./reading.js";

const MOST_KEPT = 200; // readings of lines, so that a page's other lines are not read again

let reader = null;
const kept = new Map();

addEventListener("message", ({ data }) => {
  try {
    if (data.kind === "load") load(data);
    else postMessage({ kind: "read", id: data.id, lines: read(data.strokes, data.isOneLine) });
  } catch (error) {
    postMessage({ kind: "error", id: data.id, message: error.message });
  }
});

function load({ weights, language, module }) {
  const model = new ReaderModel(weights, module);
  const { symbols } = model.about;
  reader = new LineReader(model, language && new LanguageModel(language, symbols, module));
  postMessage({ kind: "loaded", about: model.about, isCompiled: model.kernel.isCompiled });
}

function read(strokes, isOneLine) {
  const inked = strokes.map((stroke, at) => ({ stroke, at })).filter(({ stroke }) => stroke.length);
  const upwards = inked.map(({ stroke }) => stroke.map(([x, y]) => [x, -y]));
  if (!inked.length) return [];
  const groups = isOneLine ? [inked.map((_, at) => at)] : splitLines(upwards);
  return groups.map((group) => {
    const own = group.map((at) => upwards[at]);
    return { strokes: group.map((at) => inked[at].at), ...readOne(own) };
  });
}

function readOne(strokes) {
  const rows = rowsOfPoints(strokes);
  if (!rows.some(([, dx, dy]) => dx || dy)) return { text: "", texts: [], words: [] };
  const key = rows.map((row) => row.map((value) => value.toFixed(2)).join(" ")).join(",");
  const found = kept.get(key) ?? reader.read(rows);
  kept.delete(key);
  kept.set(key, found);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  return found;
}
