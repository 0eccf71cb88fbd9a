// Writes texts beside the page's own thread. Messages to it: {kind: "load", weights, module},
// {kind: "judge", weights, module} of a reader, {kind: "rules", language, text} of hyphenation,
// {kind: "write", text, pens, style, bias, seed, bestOf, page}, {kind: "layout", page}. It is stopped
// by ending it.

import { measuredPiece } from "../pages/blocks.js";
import { completed, isPlain, measureHand } from "../pages/completion.js";
import { hyphenationOf } from "../pages/hyphenation.js";
import { layoutPages } from "../pages/layout.js";
import { packPage } from "../pages/packed.js";
import { Judge } from "./judge.js";
import { ReaderModel } from "./reader_model.js";
import { TextWriter } from "./synthesis.js";
import { WriterModel } from "./writer_model.js";

const LAYOUT_PAUSE = 150; // ms from one layout to the next, at least
const LAYOUT_SHARE = 8; // and this many times what a layout takes
const REPORT_PAUSE = 100;
const NO_INK = { strokes: [], text: "", characterOfStep: [], reachedLimit: false };

let model = null;
let judge = null;
const rules = new Map(); // what finds the places where a word may be cut, by language
let pens = null;
let pieces = []; // {spelling, line, flaws}, in the text's order; line is null until it is written
let page = {};

addEventListener("message", ({ data }) => {
  try {
    ({ load, judge: setJudge, rules: addRules, write, layout })[data.kind](data);
  } catch (error) {
    postMessage({ kind: "error", message: error.message });
  }
});

function load({ weights, module }) {
  model = new WriterModel(weights, module);
  postMessage({ kind: "loaded", about: model.about, isCompiled: model.kernel.isCompiled });
}

function setJudge({ weights, module }) {
  judge = new Judge(new ReaderModel(weights, module));
}

function addRules({ language, text }) {
  rules.set(language, hyphenationOf(text));
}

function write(request) {
  page = request.page;
  pens = request.pens ?? null;
  pieces = [];
  const writer = new TextWriter(model, request, request.bestOf > 1 ? judge : null);
  const totals = { written: 0, all: 0, steps: 0 };
  let [nextLayout, nextReport] = [0, 0];
  for (const event of writer.write(request.text, request.style)) {
    const now = performance.now();
    if (event.kind === "pieces") {
      totals.all = event.spellings.length;
      pieces = event.spellings.map((spelling) => ({
        spelling, flaws: [], measured: null, line: spelling.written ? null : NO_INK,
      }));
    } else if (event.kind === "piece") {
      const piece = pieces[event.at];
      if (!piece.line) totals.written++;
      Object.assign(piece, { line: event.line, flaws: event.flaws, measured: null });
      if (now >= nextLayout) {
        const took = sendLayout(false);
        nextLayout = performance.now() + Math.max(LAYOUT_PAUSE, LAYOUT_SHARE * took);
      }
    } else {
      totals.steps++;
    }
    if (now >= nextReport) {
      nextReport = now + REPORT_PAUSE;
      postMessage({ kind: "progress", ...totals });
    }
  }
  sendLayout(true);
}

function layout(request) {
  page = request.page;
  if (pieces.length) sendLayout(true);
}

/** Sends the pages of the text as far as it is written without a gap; returns the ms it took. */
function sendLayout(isAll) {
  const start = performance.now();
  const gap = pieces.findIndex(({ line }) => !line);
  const there = gap < 0 ? pieces : pieces.slice(0, gap);
  if (there.length || isAll) {
    const options = { ...page, pens, ...hyphens(there) };
    const { pages, warnings } = layoutPages(measured(there), options, packPage);
    if (isAll) warnings.push(...flawsOf(there));
    const buffers = pages.map(({ points }) => points.buffer);
    postMessage({ kind: "pages", pages, warnings, isAll }, buffers);
  }
  return performance.now() - start;
}

/** What the layout needs to hyphenate, where that is wanted. */
function hyphens(there) {
  const points = rules.get(page.hyphenate) ?? null;
  return points ? { points, slant: measureHand(there.map(({ line }) => line)).slant } : {};
}

/** Pieces as they are laid out. What is added to the ink of some has the size of the whole hand, so
 * that these are made anew with each piece. */
function measured(there) {
  const added = there.filter(({ spelling }) => !isPlain(spelling));
  const hand = added.length ? measureHand(there.map(({ line }) => line)) : null;
  return there.map((piece) => {
    const { line, spelling } = piece;
    if (!isPlain(spelling)) return measuredPiece(completed(line, spelling, hand));
    piece.measured ??= measuredPiece(completed(line, spelling, hand));
    return piece.measured;
  });
}

function flawsOf(there) {
  const found = there.flatMap(({ line, flaws }) => flaws.map((flaw) => `“${line.text}” ${flaw}`));
  const hasLimit = there.some(({ line }) => line.reachedLimit);
  return hasLimit ? [...found, "a part may end in scribble; try another seed or more legibility"] : found;
}
