// Pages of ink on canvases.

import { DOT_OF_PEN, INK_COLOUR, RULE_COLOUR, RULE_WIDTH, isDot } from "../ink/write_files.js";

const PAPER = "#ffffff";
const MM_PER_INCH = 25.4;

/** Paints the paper of a page and what is printed on it. */
export function paintPaper(context, page, scale, paper = PAPER) {
  context.setTransform(scale, 0, 0, scale, 0, 0);
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

/**
 * Paints ink of a page.
 * @param {CanvasRenderingContext2D} context
 * @param {object} page from pages/layout.js
 * @param {number} scale pixels to a mm
 * @param {string[]} colours of the pens
 * @param {number} from only the points from this number on, counted over the page's strokes
 * @param {number} upTo to before this one
 */
export function paintInk(context, page, scale, colours = [INK_COLOUR], from = 0, upTo = Infinity) {
  context.setTransform(scale, 0, 0, scale, 0, 0);
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

/** A page as a PNG picture; also in a worker. */
export async function pngOf(page, dpi, colours) {
  const scale = dpi / MM_PER_INCH;
  const size = [page.width, page.height].map((length) => Math.max(Math.round(length * scale), 1));
  const isInWindow = typeof document !== "undefined";
  const canvas = isInWindow ? document.createElement("canvas") : new OffscreenCanvas(...size);
  [canvas.width, canvas.height] = size;
  const context = canvas.getContext("2d");
  paintPaper(context, page, scale);
  paintInk(context, page, scale, colours);
  if (!isInWindow) return canvas.convertToBlob({ type: "image/png" });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture was made"))));
  });
}
