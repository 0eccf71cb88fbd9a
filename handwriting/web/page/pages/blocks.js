// Words at the scale of the page, each standing on its baseline: made, cut, held to their line
// (handwriting/pages/blocks.py).

import { extentOf, tracedStrokes } from "./aligned_text.js";
import {
  findBaseline, findSize, level, sizeAmong, unbend, usualXHeight, wordOffset,
} from "./baseline.js";
import { withoutHook } from "./hooks.js";
import { clamp, median } from "./numbers.js";
import { splitStrokes, splitWords } from "./words.js";

// Ink that reaches further from its baseline than these parts of the spacing is held back, so that
// it does not run through the small letters of another line; bent within the last.
const [HIGHEST, LOWEST, BENT] = [0.82, 0.62, 0.1];
const ROUNDING = 1e-6; // mm

/** @typedef {{text: string, strokes: object[], top: number, bottom: number, width: number, newlines: number, gap: number | null,
 *   space: string, pens: number[]}} Block a word in mm, y upwards from its baseline, left edge at
 *   x = 0; top and bottom of its ink; gap to the word before, where both were written in one go; pens of its characters, none
 *   where all are of the first */

/** A written piece, levelled and cut into words; to be made once a piece. */
export function measuredPiece(line) {
  let strokes = tracedStrokes(line);
  if (!strokes.length) {
    const size = { xHeight: 0, letters: 0 };
    return { words: splitWords([], line.text, 1), size, text: line.text };
  }
  strokes = level(strokes, findBaseline(strokes, line.text));
  strokes = unbend(strokes, line.text, findSize(strokes, line.text).xHeight);
  const size = findSize(strokes, line.text);
  const words = splitWords(strokes, line.text, size.xHeight);
  const levelled = words.words.map((word) => packedWord(levelWord(word, size.xHeight)));
  return { words: { ...words, words: levelled }, size, text: line.text };
}

/** The word, standing on y = 0, without a hook after its full stop. */
function levelWord(word, xHeight) {
  const shift = wordOffset(word.strokes, word.text, xHeight);
  const strokes = word.strokes.map(({ points, characters }) => ({
    points: points.map(([x, y]) => [x, y - shift]), characters,
  }));
  return { ...word, strokes: withoutHook(strokes, word.text, xHeight) };
}

/** A word with its ink in arrays of numbers: a long text has a million points. */
function packedWord({ strokes, ...word }) {
  const count = strokes.reduce((sum, { points }) => sum + points.length, 0);
  const [points, characters] = [new Float64Array(2 * count), new Uint16Array(count)];
  let at = 0;
  let [top, bottom] = [-Infinity, Infinity];
  for (const stroke of strokes) {
    stroke.points.forEach(([x, y], step) => {
      points[2 * at] = x;
      points[2 * at + 1] = y;
      characters[at++] = stroke.characters[step];
      top = Math.max(top, y);
      bottom = Math.min(bottom, y);
    });
  }
  const [left, right] = extentOf(strokes);
  const counts = Uint32Array.from(strokes, (stroke) => stroke.points.length);
  return { ...word, ink: { points, characters, counts, left, right, top, bottom } };
}

/** A word on a page, whose strokes are made when they are asked for. */
class InkedWord {
  #ink;
  #scale;
  #held = null;

  constructor(word, scale, properties) {
    this.#ink = word.ink;
    this.#scale = scale;
    const { left, right, top, bottom } = word.ink;
    Object.assign(this, { text: word.text, space: word.space, ...properties });
    Object.assign(this, { width: scale * (right - left), top: scale * top, bottom: scale * bottom });
  }

  /** Puts heights where they may be. */
  hold(held) {
    this.#held = held;
  }

  get strokes() {
    return this.placed((x, y) => [x, y]).map(({ points, characters }) => ({
      points, characters: [...characters],
    }));
  }

  /** The strokes with points elsewhere; their characters are a part of an array of all. */
  placed(move) {
    const { points, characters, counts, left } = this.#ink;
    const hold = this.#held ?? ((y) => y);
    let at = 0;
    return Array.from(counts, (count) => {
      const [first, moved] = [at, new Array(count)];
      for (; at < first + count; at++) {
        moved[at - first] = move(
          this.#scale * (points[2 * at] - left), hold(this.#scale * points[2 * at + 1]),
        );
      }
      return { points: moved, characters: characters.subarray(first, at) };
    });
  }
}

/** A block's strokes with points elsewhere. */
export function placedStrokes(block, move) {
  if (block.placed) return block.placed(move);
  return block.strokes.map(({ points, characters }) => ({
    points: points.map(([x, y]) => move(x, y)), characters,
  }));
}

/**
 * The words of all pieces at the page's scale.
 * @param {object[]} pieces from measuredPiece
 * @param {number} xHeight of the page, in mm
 * @param {number[] | null} pens of each character of the text that is no white space
 * @returns {Block[]}
 */
export function blocksOf(pieces, xHeight, pens = null) {
  const scales = scalesOf(pieces.map(({ size }) => size), xHeight);
  const blocks = [];
  let [newlines, inked] = [0, 0];
  pieces.forEach(({ words, text: whole }, at) => {
    const characters = pens ? [...whole] : [];
    const scale = scales[at];
    let right = null;
    for (const word of words.words) {
      newlines += word.newlines;
      const gap = right === null || newlines ? null : scale * (word.ink.left - right);
      const first = inked + countInked(characters.slice(0, word.start));
      const own = pens ? pens.slice(first, first + [...word.text].length) : [];
      blocks.push(new InkedWord(word, scale, { newlines, gap, pens: own }));
      right = word.ink.right;
      newlines = 0;
    }
    newlines += words.newlines;
    inked += countInked(characters);
  });
  return blocks;
}

const countInked = (characters) => characters.filter((each) => /\S/.test(each)).length;

/** The pen of most of a block's stroke. */
export function penOf({ pens }, { characters }) {
  if (!pens.length) return 0;
  const own = Array.from(characters, (at) => clamp(at, 0, pens.length - 1));
  return pens[Math.trunc(median(own))];
}

/** mm per unit of ink for each piece. */
function scalesOf(sizes, xHeight) {
  const usual = usualXHeight(sizes);
  if (usual === null) return sizes.map(() => 1);
  return sizes.map((size) => xHeight / sizeAmong(size, usual));
}

/** Holds a block's ink back from other lines; told where by more than shows. */
export function heldToLine(block, spacing, warnings) {
  const [highest, lowest, bent] = [HIGHEST * spacing, LOWEST * spacing, BENT * spacing];
  const [top, bottom] = [Math.max(block.top, 0), Math.min(block.bottom, 0)];
  if (top <= highest - bent && bottom >= bent - lowest) return block;
  const rest = (room) => bent * Math.exp(Math.min(room / bent - 1, 0));
  block.hold((y) => {
    if (y > highest - bent) return highest - rest(highest - y);
    return y < bent - lowest ? rest(lowest + y) - lowest : y;
  });
  if (top > highest + spacing / 4 || bottom < -lowest - spacing / 4) {
    warnings.push(`“${block.text}” left its line and was held back`);
  }
  return block;
}

/** The block, or if it is too wide blocks that fit, cut between characters. */
export function splitToWidth(block, width, xHeight, warnings) {
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

/** The first so many characters of a block, and the others, which start a new line. */
export function cut(block, stop, xHeight) {
  const characters = [...block.text];
  const side = characters.map((_, at) => (at >= stop ? 1 : 0));
  const [first, rest] = splitStrokes(block.strokes, side, 2, xHeight);
  return [
    blockOf(first, 0, characters.slice(0, stop).join(""), block),
    blockOf(rest, stop, characters.slice(stop).join(""), {
      newlines: 1, gap: null, space: "", pens: block.pens,
    }),
  ];
}

function blockOf(strokes, start, text, { newlines, gap, space, pens }) {
  const [left, right] = strokes.length ? extentOf(strokes) : [0, 0];
  const last = [...text].length - 1;
  const own = pens.slice(start, start + last + 1);
  const shifted = strokes.map(({ points, characters }) => ({
    points: points.map(([x, y]) => [x - left, y]),
    characters: characters.map((at) => clamp(at - start, 0, last)),
  }));
  return { text, strokes: shifted, width: right - left, newlines, gap, space, pens: own };
}

function shrunk(block, factor) {
  const strokes = block.strokes.map(({ points, characters }) => ({
    points: points.map(([x, y]) => [factor * x, factor * y]), characters,
  }));
  return { ...block, strokes, width: factor * block.width };
}
