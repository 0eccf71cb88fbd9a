// Written words laid out on pages, as handwriting/pages/layout.py does: one size throughout, lines
// level on their baselines, wrapped at the page's width as the ink measures. Lengths are in mm; a
// page's points have x to the right and y downwards from its top left corner.

import { blocksOf, heldToLine, penOf, placedStrokes, splitToWidth } from "./blocks.js";
import { drawn } from "./completion.js";
import { lineDrift } from "./drift.js";
import { clamp } from "./numbers.js";
import { Generator } from "./random.js";
import { medianGap, paginated, widthOf, wrapped } from "./rows.js";

const X_HEIGHT_OF_SPACING = 0.27;
const PEN_OF_X_HEIGHT = 0.16;
const A4 = 297 / 210;
const ROOM_ABOVE_BASELINE = 0.7;
const ROUNDING = 1e-6; // mm
const MOST_LINE_SPACING = 500;
const LEAST_X_HEIGHT = 0.3; // mm, of writing that is made to fit
const FITTING_STEPS = 10;

/** Options as in handwriting/pages/options.py; points, what finds the places where a word may be
 * cut, stands for hyphenate, and slant is that of the hand that hyphens are in. */
export const DEFAULT_PAGE = {
  pageWidth: 210, pageHeight: null, margin: 18, lineSpacing: null, xHeight: null, align: "left",
  ruled: false, fitHeight: false, penWidth: null, fit: false, drift: 0, seed: 1, pens: null,
  points: null, slant: 0,
};

/** @typedef {{text: string, baseline: number, strokes: number[][][], pens: number[]}} PageLine pens
 *   of each stroke; none where all are of the first */
/** @typedef {{width: number, height: number, penWidth: number, rules: number[],
 *   lines: PageLine[]}} Page */

/**
 * Lays out pieces of a text.
 * @param {object[]} pieces from measuredPiece, in the text's order
 * @param {object} options some of DEFAULT_PAGE; pens are of each character of the text that is no
 *   white space
 * @param {(page: Page) => object} finished what is kept of each page, such as its points in one array:
 *   all pages at once take far more memory as lists
 * @returns {{pages: Page[], warnings: string[]}}
 */
export function layoutPages(pieces, options = {}, finished = (each) => each) {
  let page = withSize({ ...DEFAULT_PAGE, ...options });
  const warnings = pieces.flatMap(({ words }) =>
    words.withoutInk.map((word) => `no ink was written for “${word}”`),
  );
  if (page.fit) page = fitted(pieces, page);
  const rows = rowsOf(pieces, page, warnings);
  const generator = new Generator(page.seed);
  const count = rowsPerPage(page);
  const pages = paginated(rows, count).map((group) =>
    finished(pageOf(group, count, page, generator, warnings)),
  );
  return { pages, warnings: [...new Set(warnings)] };
}

function withSize(page) {
  const ofHeight = page.xHeight === null ? 10 : page.xHeight / X_HEIGHT_OF_SPACING;
  const lineSpacing = page.lineSpacing ?? ofHeight;
  return { ...page, lineSpacing, xHeight: page.xHeight ?? X_HEIGHT_OF_SPACING * lineSpacing };
}

function rowsOf(pieces, page, warnings) {
  const { xHeight, lineSpacing, points, slant } = page;
  const width = textWidth(page);
  const blocks = blocksOf(pieces, xHeight, page.pens).flatMap((block) =>
    splitToWidth(heldToLine(block, lineSpacing, warnings), width, xHeight, warnings),
  );
  const hyphens = points && {
    points,
    strokes: drawn("-", { xHeight, slant }).map((own) => ({ points: own, characters: own.map(() => 0) })),
  };
  return wrapped(blocks, width, medianGap(blocks, xHeight), xHeight, hyphens);
}

function textWidth({ pageWidth, margin, xHeight }) {
  const width = pageWidth - 2 * margin;
  if (width < 4 * xHeight) throw new Error("the page is too small to write on");
  return width;
}

function rowsPerPage(page) {
  const count = Math.floor((paperHeight(page) - 2 * page.margin) / page.lineSpacing + ROUNDING);
  if (count < 1) throw new Error("the page is too small to write on");
  return count;
}

const paperHeight = (page) => page.pageHeight ?? page.pageWidth * A4;

// --- writing that is made to fit ---------------------------------------------------------------

/** The options with the writing as large as fits on one page. */
function fitted(pieces, page) {
  const proportion = page.lineSpacing / page.xHeight;
  const room = paperHeight(page) - 2 * page.margin;
  const most = Math.min(room, MOST_LINE_SPACING) / proportion;
  let [low, high] = [Math.log(LEAST_X_HEIGHT), Math.log(Math.max(most, LEAST_X_HEIGHT))];
  const sized = (xHeight) => ({ ...page, xHeight, lineSpacing: proportion * xHeight });
  if (!fits(pieces, sized(LEAST_X_HEIGHT))) throw new Error("the text is too long for one page");
  for (let step = 0; step < FITTING_STEPS; step++) {
    const middle = (low + high) / 2;
    if (fits(pieces, sized(Math.exp(middle)))) low = middle;
    else high = middle;
  }
  return sized(Math.exp(low));
}

function fits(pieces, page) {
  const warnings = [];
  try {
    const isOne = paginated(rowsOf(pieces, page, warnings), rowsPerPage(page)).length === 1;
    return isOne && !warnings.some((warning) => warning.includes("wider than the page"));
  } catch {
    return false;
  }
}

// --- pages -------------------------------------------------------------------------------------

function pageOf(rows, count, page, generator, warnings) {
  let height = paperHeight(page);
  if (page.fitHeight) {
    count = rows.length ? rows[rows.length - 1][0] + 1 : 1;
    height = count * page.lineSpacing + 2 * page.margin;
  }
  const top = page.margin + ROOM_ABOVE_BASELINE * page.lineSpacing;
  const baselines = Array.from({ length: count }, (_, at) => top + at * page.lineSpacing);
  const lines = rows.map(([index, row]) =>
    lineOf(row, baselines[index], height, page, generator, warnings),
  );
  const penWidth = page.penWidth ?? PEN_OF_X_HEIGHT * page.xHeight;
  return { width: page.pageWidth, height, penWidth, rules: page.ruled ? baselines : [], lines };
}

/** A row at its place on the paper, where ink that would leave the paper stays at its edge. */
function lineOf(row, baseline, height, page, generator, warnings) {
  const { blocks, lefts } = row;
  const room = textWidth(page) - widthOf(row);
  const drift = page.drift ? lineDrift(page.drift, page.xHeight, blocks.length, generator) : NO_DRIFT;
  const start =
    page.margin + room * SHARES[page.align] + Math.min(drift.margin, Math.max(room, 0));
  const [strokes, pens] = [[], []];
  blocks.forEach((block, at) => {
    const [size, raised] = [drift.sizes[at] ?? 1, drift.words[at] ?? 0];
    let isCut = false;
    const placed = placedStrokes(block, (x, y) => {
      const right = start + lefts[at] + x * size;
      const down = baseline - (y * size + raised + drift.height(lefts[at] + x * size));
      const kept = [clamp(right, 0, page.pageWidth), clamp(down, 0, height)];
      isCut ||= Math.max(Math.abs(kept[0] - right), Math.abs(kept[1] - down)) > ROUNDING;
      return kept;
    });
    for (const stroke of placed) {
      strokes.push(stroke.points);
      pens.push(penOf(block, stroke));
    }
    if (isCut) warnings.push(`“${block.text}” reaches beyond the paper and was cut to its edge`);
  });
  const text = blocks.map((block) => block.text).join(" ");
  return { text, baseline, strokes, pens: pens.some(Boolean) ? pens : [] };
}

const SHARES = { left: 0, center: 0.5, right: 1 };
const NO_DRIFT = { margin: 0, height: () => 0, words: [], sizes: [] };
