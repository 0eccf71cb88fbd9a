// Writes texts beside the page's own thread. Messages to it: {kind: "load", weights, module},
// {kind: "write", text, style, bias, seed, page}, {kind: "layout", page}. It is stopped by ending it.

import { layoutPages, measuredPiece } from "../pages/layout.js";
import { packPage } from "../pages/packed.js";
import { TextWriter } from "./synthesis.js";
import { WriterModel } from "./writer_model.js";

const LAYOUT_PAUSE = 150; // ms from one layout to the next, at least
const LAYOUT_SHARE = 4; // and this many times what a layout takes
const REPORT_PAUSE = 100;

let model = null;
let pieces = []; // as they are laid out; those not yet written are left out
let page = {};

addEventListener("message", ({ data }) => {
  try {
    ({ load, write, layout })[data.kind](data);
  } catch (error) {
    postMessage({ kind: "error", message: error.message });
  }
});

function load({ weights, module }) {
  model = new WriterModel(weights, module);
  postMessage({ kind: "loaded", about: model.about, isCompiled: model.kernel.isCompiled });
}

function write(request) {
  page = request.page;
  pieces = [];
  const writer = new TextWriter(model, request);
  const totals = { written: 0, all: 0, steps: 0 };
  let [nextLayout, nextReport] = [0, 0];
  for (const event of writer.write(request.text, request.style)) {
    const now = performance.now();
    if (event.kind === "pieces") {
      totals.all = event.pieces.length;
      event.pieces.forEach((text, at) => {
        if (!text.trim()) pieces[at] = measuredPiece({ strokes: [], text, characterOfStep: [] });
      });
    } else if (event.kind === "piece") {
      if (!pieces[event.at]) totals.written++;
      pieces[event.at] = measuredPiece({ ...event.line, text: event.piece });
      pieces[event.at].reachedLimit = event.line.reachedLimit;
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
  const gap = isAll ? -1 : Array.from(pieces).findIndex((piece) => !piece);
  const there = (gap < 0 ? pieces : pieces.slice(0, gap)).filter(Boolean);
  if (there.length || isAll) {
    const { pages, warnings } = layoutPages(there, page);
    if (isAll && there.some((piece) => piece.reachedLimit)) {
      warnings.push("a part may end in scribble; try another seed or more legibility");
    }
    const packed = pages.map(packPage);
    const buffers = packed.map(({ points }) => points.buffer);
    postMessage({ kind: "pages", pages: packed, warnings, isAll }, buffers);
  }
  return performance.now() - start;
}
