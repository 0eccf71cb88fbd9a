// Pages of ink on canvases.

import { DOT_OF_PEN, INK_COLOUR, RULE_COLOUR, RULE_WIDTH, isDot } from "../ink/write_files.js";

const PAPER = "#ffffff";
const MM_PER_INCH = 25.4;

/**
 * Paints a page.
 * @param {CanvasRenderingContext2D} context
 * @param {object} page from pages/layout.js
 * @param {number} scale pixels to a mm
 * @param {{colours?: string[], paper?: string | null, upTo?: number, from?: number}} options only the
 *   points from number `from` to before `upTo`, counted over the page's strokes; a null paper
 *   paints on what is there
 */
export function paintPage(context, page, scale, options = {}) {
  const { colours = [INK_COLOUR], paper = PAPER, upTo = Infinity, from = 0 } = options;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  if (paper !== null) {
    context.fillStyle = paper;
    context.fillRect(0, 0, page.width, page.height);
    context.lineWidth = RULE_WIDTH;
    context.strokeStyle = RULE_COLOUR;
    context.beginPath();
    for (const y of page.rules) {
      context.moveTo(0, y);
      context.lineTo(page.width, y);
    }
    context.stroke();
  }
  context.lineCap = context.lineJoin = "round";
  let passed = 0;
  for (const line of page.lines) {
    if (line.numPoints && passed + line.numPoints <= from) {
      passed += line.numPoints;
      continue;
    }
    if (passed >= upTo) return;
    for (const [number, stroke] of line.strokes.entries()) {
      if (passed >= upTo) return;
      const [first, stop] = [Math.max(from - passed, 0), Math.min(upTo - passed, stroke.length)];
      if (first < stop) {
        context.strokeStyle = context.fillStyle = colours[line.pens[number] ?? 0];
        paintStroke(context, stroke, first, stop, page.penWidth);
      }
      passed += stroke.length;
    }
  }
}

function paintStroke(context, stroke, first, stop, penWidth) {
  if (isDot(stroke)) {
    context.beginPath();
    context.arc(stroke[0][0], stroke[0][1], (DOT_OF_PEN * penWidth) / 2, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  context.lineWidth = penWidth;
  context.beginPath();
  const start = Math.max(first - 1, 0);
  context.moveTo(...stroke[start]);
  for (let at = start + 1; at < stop; at++) context.lineTo(...stroke[at]);
  if (stop - start === 1) context.lineTo(...stroke[start]);
  context.stroke();
}

/** A page as a PNG picture. */
export function pngOf(page, dpi, colours) {
  const canvas = document.createElement("canvas");
  const scale = dpi / MM_PER_INCH;
  canvas.width = Math.max(Math.round(page.width * scale), 1);
  canvas.height = Math.max(Math.round(page.height * scale), 1);
  paintPage(canvas.getContext("2d"), page, scale, { colours });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture was made"))));
  });
}
