// Handwriting that knows its text: which character each pen step writes
// (handwriting/pages/aligned_text.py).

import { curved } from "../ink/curves.js";
import { xHeight } from "../ink/measures.js";
import { pointsOfStrokes } from "../ink/strokes.js";

const DENSE = 0.2; // heights of small letters; points farther apart are joined by curves

/**
 * Cuts a text between words into pieces that a model writes one at a time.
 * @param {string} text runs of spaces count as one, but those that begin a line are its indent;
 *   where there are tabs among them, they are these tabs
 * @param {number} longest characters of a piece, its newlines and its indent not counted
 * @returns {string[]} pieces that joined by spaces give the text back; the newlines after a piece
 *   are at its end, those before the first word are a piece of their own
 */
export function splitText(text, longest) {
  const pieces = [];
  for (const [, paragraph, newlines] of text.matchAll(/([^\n]*)(\n*)/g)) {
    pieces.push(...balanced(spacedWords(paragraph), longest));
    if (newlines && pieces.length) pieces[pieces.length - 1] += newlines;
    else if (newlines) pieces.push(newlines);
  }
  return pieces;
}

/** The words, each with the white space before it: an indent, tabs, or one space. */
function spacedWords(paragraph) {
  return [...paragraph.matchAll(/(\s*)(\S+)/g)].map(([, space, word], at) => {
    const tabs = space.replace(/[^\t]/g, "");
    return { space: tabs || (at ? " " : space), word };
  });
}

/** Words joined into the fewest pieces, with the last not much shorter than the others. */
function balanced(words, longest) {
  const fewest = filled(words, longest).length;
  const most = words.reduce((most, { word }) => Math.max(most, lengthOf(word)), words.length ? 0 : 1);
  for (let limit = most; limit < longest; limit++) {
    const pieces = filled(words, limit);
    if (pieces.length <= fewest) return pieces;
  }
  return filled(words, longest);
}

function filled(words, limit) {
  const pieces = [];
  let [piece, isFirst] = ["", true];
  for (const { space, word } of words) {
    if (piece && lengthOf(piece.trim()) + lengthOf(space) + lengthOf(word) > limit) {
      pieces.push(piece);
      piece = "";
    }
    const keepsSpace = piece || isFirst || space.includes("\t");
    piece += (keepsSpace ? space : "") + word;
    isFirst = false;
  }
  return piece ? [...pieces, piece] : pieces;
}

const lengthOf = (text) => [...text].length;

/**
 * The strokes of a line at absolute points, with curves where its points are far apart:
 * {points: [[x, y], ...], characters: [index, ...]}.
 * @param {{strokes: number[][], text: string, characterOfStep: number[]}} line
 */
export function tracedStrokes(line) {
  const broken = line.strokes.findIndex((row) => !row.every(Number.isFinite));
  const length = broken < 0 ? line.strokes.length : broken;
  const last = Math.max([...line.text].length - 1, 0);
  const inked = pointsOfStrokes(line.strokes.slice(0, length));
  const spacing = DENSE * xHeight(inked, line.text);
  let start = 0;
  return inked.map((points) => {
    const characters = line.characterOfStep
      .slice(start, start + points.length)
      .map((at) => Math.min(Math.max(at, 0), last));
    start += points.length;
    if (!(spacing > 0)) return { points, characters };
    const curve = curved(points, spacing);
    return { points: curve.points, characters: curve.owners.map((at) => characters[at]) };
  });
}

/** Points first to stop - 1 of a stroke. */
export function partOf({ points, characters }, first, stop) {
  return { points: points.slice(first, stop), characters: characters.slice(first, stop) };
}

/** The least and greatest x of strokes, of which there must be one. */
export function extentOf(strokes) {
  let [least, most] = [Infinity, -Infinity];
  for (const { points } of strokes) {
    for (const [x] of points) {
      least = Math.min(least, x);
      most = Math.max(most, x);
    }
  }
  return [least, most];
}
