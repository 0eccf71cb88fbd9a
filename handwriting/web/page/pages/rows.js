// Words put on lines as they fit, with indents, tabs and hyphens (handwriting/pages/rows.py).

import { extentOf } from "./aligned_text.js";
import { cut } from "./blocks.js";
import { clamp, median } from "./numbers.js";

// Words written in one go keep their own gap, within these parts of the median gap.
const GAP_RANGE = [0.7, 1.5];
const USUAL_GAP = 1.6; // x-heights; for ink that shows no gap, and what the median is held near to
const GAP_LIMITS = [0.7, 4]; // x-heights
const [SPACE, TAB] = [1, 6]; // x-heights: of a space of an indent, and between the stops of tabs
const HYPHEN_GAP = 0.25; // x-heights
const ROUNDING = 1e-6; // mm

/** @typedef {{blocks: object[], lefts: number[], blank: number, right: number}} Row words on one
 *   line; blank empty lines stand before it, its last word ends at right */

/** The gap in mm between words. */
export function medianGap(blocks, xHeight) {
  const gaps = blocks.flatMap(({ gap }) => (gap === null ? [] : [gap]));
  const gap = gaps.length ? median(gaps) : USUAL_GAP * xHeight;
  return clamp(gap, GAP_LIMITS[0] * xHeight, GAP_LIMITS[1] * xHeight);
}

/**
 * Rows of as many words as fit.
 * @param {object[]} blocks none wider than the width
 * @param {number} width
 * @param {number} gap between words
 * @param {number} xHeight
 * @param {{points: (word: string) => number[], strokes: object[]} | null} hyphens where words that
 *   do not fit may be cut, and a hyphen's ink; null for not at all
 * @returns {Row[]}
 */
export function wrapped(blocks, width, gap, xHeight, hyphens = null) {
  const rows = [];
  let row = null;
  const put = (block, left) => {
    row.blocks.push(block);
    row.lefts.push(left);
    row.right = left + block.width;
  };
  const waiting = [...blocks].reverse();
  while (waiting.length) {
    let block = waiting.pop();
    let left = leftOf(block, row ? row.right : null, gap, xHeight);
    if (!row || block.newlines || left + block.width > width + ROUNDING) {
      if (row && !block.newlines && hyphens) {
        const parts = hyphenated(block, width - left, xHeight, hyphens);
        if (parts) {
          put(parts[0], left);
          block = parts[1];
        }
      }
      const blank = row ? Math.max(block.newlines - 1, 0) : block.newlines;
      left = Math.min(leftOf(block, null, gap, xHeight), Math.max(width - block.width, 0));
      row = { blocks: [], lefts: [], blank, right: 0 };
      rows.push(row);
    }
    put(block, left);
  }
  return rows;
}

/** From the left edge to the end of a row's ink. */
export const widthOf = ({ blocks, lefts }) =>
  blocks.reduce((most, { width }, at) => Math.max(most, lefts[at] + width), 0);

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

/** The part of a word that fits in the room with a hyphen, and the rest; null if none does. */
function hyphenated(block, room, xHeight, { points, strokes }) {
  const gap = HYPHEN_GAP * xHeight;
  const [, own] = extentOf(strokes);
  for (const stop of points(block.text).reverse()) {
    const [first, rest] = cut(block, stop, xHeight);
    if (!first.strokes.length || !rest.strokes.length) continue;
    if (first.width + gap + own <= room) return [withHyphen(first, gap, strokes), { ...rest, newlines: 0 }];
  }
  return null;
}

function withHyphen(block, gap, hyphen) {
  const at = [...block.text].length;
  const ink = hyphen.map(({ points }) => ({
    points: points.map(([x, y]) => [x + block.width + gap, y]), characters: points.map(() => at),
  }));
  return {
    ...block, text: `${block.text}-`, strokes: [...block.strokes, ...ink],
    pens: [...block.pens, ...block.pens.slice(-1)], width: block.width + gap + extentOf(hyphen)[1],
  };
}

/** Groups of [index on the page, row]; no page but the first begins with empty lines. */
export function paginated(rows, rowsPerPage) {
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
