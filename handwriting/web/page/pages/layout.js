// Written words laid out on pages, as handwriting/pages/layout.py does: one size throughout, lines
// level on their baselines, wrapped at the page's width as the ink measures. Lengths are in mm; a
// page's points have x to the right and y downwards from its top left corner.

import { extentOf, tracedStrokes } from "./aligned_text.js";
import {
  findBaseline, findSize, level, sizeAmong, unbend, usualXHeight, wordOffset,
} from "./baseline.js";
import { withoutHook } from "./hooks.js";
import { clamp, median } from "./numbers.js";
import { splitStrokes, splitWords } from "./words.js";

const X_HEIGHT_OF_SPACING = 0.27;
const PEN_OF_X_HEIGHT = 0.16;
const A4 = 297 / 210;
const ROOM_ABOVE_BASELINE = 0.7;
const GAP_RANGE = [0.7, 1.5];
const USUAL_GAP = 1.6;
const GAP_LIMITS = [0.7, 4];
const [SPACE, TAB] = [1, 6]; // x-heights: of a space of an indent, and between the stops of tabs
// Ink that reaches further from its baseline than these parts of the spacing is held back, so that
// it does not run through the small letters of another line; bent within the last.
const [HIGHEST, LOWEST, BENT] = [0.82, 0.62, 0.1];
const ROUNDING = 1e-6;

export const DEFAULT_PAGE = {
  pageWidth: 210, pageHeight: null, margin: 18, lineSpacing: 10, xHeight: null, ruled: false,
  fitHeight: false, penWidth: null,
};

/** @typedef {{text: string, baseline: number, strokes: number[][][]}} PageLine */
/** @typedef {{width: number, height: number, penWidth: number, rules: number[],
 *   lines: PageLine[]}} Page */

/** A written piece, levelled and cut into words; to be made once a piece. */
export function measuredPiece(line) {
  let strokes = tracedStrokes(line);
  if (!strokes.length) {
    return { words: splitWords([], line.text, 1), size: { xHeight: 0, letters: 0 } };
  }
  strokes = level(strokes, findBaseline(strokes, line.text));
  strokes = unbend(strokes, line.text, findSize(strokes, line.text).xHeight);
  const size = findSize(strokes, line.text);
  const words = splitWords(strokes, line.text, size.xHeight);
  return {
    words: { ...words, words: words.words.map((word) => levelWord(word, size.xHeight)) }, size,
  };
}

/** The word, standing on y = 0, without a hook after its full stop. */
function levelWord(word, xHeight) {
  const shift = wordOffset(word.strokes, word.text, xHeight);
  const strokes = word.strokes.map(({ points, characters }) => ({
    points: points.map(([x, y]) => [x, y - shift]), characters,
  }));
  return { ...word, strokes: withoutHook(strokes, word.text, xHeight) };
}

/**
 * Lays out pieces of a text.
 * @param {object[]} pieces from measuredPiece, in the text's order
 * @param {object} options some of DEFAULT_PAGE
 * @returns {{pages: Page[], warnings: string[]}}
 */
export function layoutPages(pieces, options = {}) {
  const page = { ...DEFAULT_PAGE, ...options };
  const xHeight = page.xHeight ?? X_HEIGHT_OF_SPACING * page.lineSpacing;
  const width = page.pageWidth - 2 * page.margin;
  const rowsPerPage = rowsOf(page);
  if (width < 4 * xHeight || rowsPerPage < 1) throw new Error("the page is too small to write on");
  const warnings = pieces.flatMap(({ words }) =>
    words.withoutInk.map((word) => `no ink was written for “${word}”`),
  );
  const blocks = blocksOf(pieces, xHeight).flatMap((block) =>
    splitToWidth(heldToLine(block, page.lineSpacing, warnings), width, xHeight, warnings),
  );
  const rows = wrapped(blocks, width, medianGap(blocks, xHeight), xHeight);
  const pages = paginated(rows, rowsPerPage).map((group) => pageOf(group, xHeight, rowsPerPage, page));
  return { pages, warnings: [...new Set(warnings)] };
}

function rowsOf(page) {
  return Math.floor((paperHeight(page) - 2 * page.margin) / page.lineSpacing + ROUNDING);
}

const paperHeight = (page) => page.pageHeight ?? page.pageWidth * A4;

/** The words of all pieces at the page's scale: left edge at x = 0, baseline at y = 0. */
function blocksOf(pieces, xHeight) {
  const scales = scalesOf(pieces.map(({ size }) => size), xHeight);
  const blocks = [];
  let newlines = 0;
  pieces.forEach(({ words }, at) => {
    const scale = scales[at];
    let right = null;
    for (const word of words.words) {
      const [left, end] = extentOf(word.strokes);
      newlines += word.newlines;
      const gap = right === null || newlines ? null : scale * (left - right);
      const strokes = word.strokes.map(({ points, characters }) => ({
        points: points.map(([x, y]) => [scale * (x - left), scale * y]), characters,
      }));
      const { text, space } = word;
      blocks.push({ text, strokes, width: scale * (end - left), newlines, gap, space });
      right = end;
      newlines = 0;
    }
    newlines += words.newlines;
  });
  return blocks;
}

/** mm per unit of ink for each piece. */
function scalesOf(sizes, xHeight) {
  const usual = usualXHeight(sizes);
  if (usual === null) return sizes.map(() => 1);
  return sizes.map((size) => xHeight / sizeAmong(size, usual));
}

/** The block with none of its ink in another line; told where it is held back by more than shows. */
function heldToLine(block, spacing, warnings) {
  const [highest, lowest, bent] = [HIGHEST * spacing, LOWEST * spacing, BENT * spacing];
  let [top, bottom] = [0, 0];
  for (const { points } of block.strokes) {
    for (const [, y] of points) {
      top = Math.max(top, y);
      bottom = Math.min(bottom, y);
    }
  }
  if (top <= highest - bent && bottom >= bent - lowest) return block;
  const rest = (room) => bent * Math.exp(Math.min(room / bent - 1, 0));
  const held = (y) => {
    if (y > highest - bent) return highest - rest(highest - y);
    return y < bent - lowest ? rest(lowest + y) - lowest : y;
  };
  if (top > highest + spacing / 4 || bottom < -lowest - spacing / 4) {
    warnings.push(`“${block.text}” left its line and was held back`);
  }
  const strokes = block.strokes.map(({ points, characters }) => ({
    points: points.map(([x, y]) => [x, held(y)]), characters,
  }));
  return { ...block, strokes };
}

/** The block, or if it is too wide blocks that fit, cut between characters. */
function splitToWidth(block, width, xHeight, warnings) {
  if (block.width <= width + ROUNDING) return [block];
  warnings.push(`“${block.text}” is wider than the page and was split`);
  const parts = [];
  let rest = block;
  while (rest.width > width + ROUNDING) {
    const stop = charactersWithin(rest, width);
    const [first, other] = stop ? cut(rest, stop, xHeight) : [null, null];
    if (!first?.strokes.length || !other.strokes.length) {
      rest = shrunk(rest, width / rest.width);
      break;
    }
    parts.push(first);
    rest = other;
  }
  return [...parts, rest];
}

function charactersWithin(block, width) {
  const count = Math.max([...block.text].length, 1);
  const rights = new Array(count).fill(0);
  for (const { points, characters } of block.strokes) {
    points.forEach(([x], at) => {
      rights[characters[at]] = Math.max(rights[characters[at]], x);
    });
  }
  let [reach, fitting] = [0, 0];
  while (fitting < count) {
    reach = Math.max(reach, rights[fitting]);
    if (reach > width) break;
    fitting++;
  }
  return fitting < count ? fitting : 0;
}

function cut(block, stop, xHeight) {
  const characters = [...block.text];
  const side = characters.map((_, at) => (at >= stop ? 1 : 0));
  const [first, rest] = splitStrokes(block.strokes, side, 2, xHeight);
  return [
    blockOf(first, 0, characters.slice(0, stop).join(""), block),
    blockOf(rest, stop, characters.slice(stop).join(""), { newlines: 1, gap: null, space: "" }),
  ];
}

function blockOf(strokes, start, text, { newlines, gap, space }) {
  const [left, right] = strokes.length ? extentOf(strokes) : [0, 0];
  const last = [...text].length - 1;
  const shifted = strokes.map(({ points, characters }) => ({
    points: points.map(([x, y]) => [x - left, y]),
    characters: characters.map((at) => clamp(at - start, 0, last)),
  }));
  return { text, strokes: shifted, width: right - left, newlines, gap, space };
}

function shrunk(block, factor) {
  const strokes = block.strokes.map(({ points, characters }) => ({
    points: points.map(([x, y]) => [factor * x, factor * y]), characters,
  }));
  return { ...block, strokes, width: factor * block.width };
}

function medianGap(blocks, xHeight) {
  const gaps = blocks.flatMap(({ gap }) => (gap === null ? [] : [gap]));
  const gap = gaps.length ? median(gaps) : USUAL_GAP * xHeight;
  return clamp(gap, GAP_LIMITS[0] * xHeight, GAP_LIMITS[1] * xHeight);
}

/** Rows {blocks, lefts, blank} of as many words as fit; blank empty lines stand before each. */
function wrapped(blocks, width, gap, xHeight) {
  const rows = [];
  let row = null;
  for (const block of blocks) {
    let left = leftOf(block, row ? row.right : null, gap, xHeight);
    const isNew = !row || block.newlines || left + block.width > width + ROUNDING;
    if (isNew) {
      const blank = row ? Math.max(block.newlines - 1, 0) : block.newlines;
      left = Math.min(leftOf(block, null, gap, xHeight), Math.max(width - block.width, 0));
      row = { blocks: [], lefts: [], blank, right: 0 };
      rows.push(row);
    }
    row.blocks.push(block);
    row.lefts.push(left);
    row.right = left + block.width;
  }
  return rows;
}

/** The left edge of a block: after the word that ends at right, or at the line's start. */
function leftOf(block, right, gap, xHeight) {
  const tabs = block.space.split("\t").length - 1;
  if (right === null) {
    const isIndent = block.newlines > 0 || block.gap === null;
    const spaces = isIndent ? block.space.split(" ").length - 1 : 0;
    return xHeight * (tabs * TAB + spaces * SPACE);
  }
  if (!tabs) {
    const [narrowest, widest] = GAP_RANGE;
    return right + (block.gap === null ? gap : clamp(block.gap, gap * narrowest, gap * widest));
  }
  const stop = xHeight * TAB;
  return stop * (Math.ceil((right + gap / 2) / stop) + tabs - 1);
}

/** Groups of [index on the page, row]; no page but the first begins with empty lines. */
function paginated(rows, rowsPerPage) {
  const pages = [[]];
  let index = 0;
  for (const row of rows) {
    index += row.blank;
    if (index >= rowsPerPage) {
      pages.push([]);
      index = 0;
    }
    pages[pages.length - 1].push([index, row]);
    index++;
  }
  return pages;
}

function pageOf(rows, xHeight, rowsPerPage, options) {
  let height = paperHeight(options);
  let count = rowsPerPage;
  if (options.fitHeight) {
    count = rows.length ? rows[rows.length - 1][0] + 1 : 1;
    height = count * options.lineSpacing + 2 * options.margin;
  }
  const top = options.margin + ROOM_ABOVE_BASELINE * options.lineSpacing;
  const baselines = Array.from({ length: count }, (_, at) => top + at * options.lineSpacing);
  const lines = rows.map(([index, row]) => lineOf(row, baselines[index], height, options));
  const penWidth = options.penWidth ?? PEN_OF_X_HEIGHT * xHeight;
  const rules = options.ruled ? baselines : [];
  return { width: options.pageWidth, height, penWidth, rules, lines };
}

function lineOf({ blocks, lefts }, baseline, height, { margin, pageWidth }) {
  const strokes = blocks.flatMap((block, at) =>
    block.strokes.map(({ points }) =>
      points.map(([x, y]) => [
        clamp(margin + lefts[at] + x, 0, pageWidth), clamp(baseline - y, 0, height),
      ]),
    ),
  );
  return { text: blocks.map(({ text }) => text).join(" "), baseline, strokes };
}
