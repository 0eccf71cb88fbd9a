// Completion of a model's ink: accents over its letters, and characters that are drawn from shapes in
// the size and the slant of the hand (handwriting/pages/completion.py).

import { accentOf, shapeOf } from "../ink/character_shapes.js";
import { resampleLine } from "../ink/resampling.js";
import { rowsOfPoints } from "../ink/strokes.js";
import { extentOf, tracedStrokes } from "./aligned_text.js";
import { findBaseline, findSize, level, sizeAmong, usualXHeight, wordOffset } from "./baseline.js";
import { clamp, least, mean, most, percentile, sum } from "./numbers.js";
import { splitStrokes } from "./words.js";

const STEEPEST_SLANT = 0.8;
// In x-heights.
const SPACING = 0.1; // of the points of what is added
const [LETTER_GAP, WORD_GAP] = [0.3, 1.6];
const ABOVE = 0.22; // from a letter's top to its accent
const [SMALL_TOPS, TALL_TOPS] = [[0.85, 1.3], [1.4, 2.3]]; // where tops of letters may be
const BODY = [-0.2, 1.2];
const [DOT_SIZE, DOT_HEIGHT, DOT_REACH] = [0.55, 1.05, 1.2];
const [BESIDE, STACKED] = [0.12, 0.4];
const [MOSTLY, FEWEST_STEPS] = [0.6, 5]; // a stroke that is a letter's: its share, its pen steps
const FEW = 10; // per cent of a letter's points at each side that may be another letter's
const SMALL = new Set("aceimnorsuvwxyzgpqjıø");
const DOTTED = "ijı";
// Where bars through letters are: the side of the letter, and the height.
const BARS = new Map([
  ["ł", ["middle", 0.9]], ["Ł", ["left", 0.75]], ["đ", ["right", 1.4]], ["ð", ["right", 1.4]],
  ["Đ", ["left", 0.75]], ["ħ", ["left", 1.4]], ["Ħ", ["left", 1.15]], ["ŧ", ["left", 0.6]],
  ["Ŧ", ["left", 0.75]],
]);

/** Whether the model's ink is all of the ink of a spelling. */
export const isPlain = ({ marks, shapes }) => !marks.length && !shapes.length;

/**
 * {xHeight, slant} of the hand of some lines {strokes, text, characterOfStep}: in the units of their
 * ink, and in widths a height.
 */
export function measureHand(lines) {
  const inked = lines.map(measuresOf).filter(Boolean);
  const xHeight = usualXHeight(inked.map(({ size }) => size));
  if (xHeight === null) return { xHeight: 1, slant: 0 };
  const [lean, total] = ["lean", "total"].map((name) => sum(inked.map((each) => each[name])));
  return { xHeight, slant: total ? clamp(lean / total, -STEEPEST_SLANT, STEEPEST_SLANT) : 0 };
}

const measures = new WeakMap();

/** Size of a line, how far its steep parts lean and how high they are; null without ink. */
function measuresOf(line) {
  if (measures.has(line)) return measures.get(line);
  const strokes = levelled(line);
  let [lean, total] = [0, 0];
  for (const { points } of strokes) {
    for (let at = 1; at < points.length; at++) {
      const [dx, dy] = [points[at][0] - points[at - 1][0], points[at][1] - points[at - 1][1]];
      if (Math.abs(dy) <= Math.abs(dx) / 2) continue;
      lean += dx * Math.sign(dy);
      total += Math.abs(dy);
    }
  }
  const found = strokes.length ? { size: findSize(strokes, line.text), lean, total } : null;
  measures.set(line, found);
  return found;
}

/**
 * A piece of a text with all of its characters.
 * @param {{strokes: number[][], text: string, characterOfStep: number[]}} line the model's ink of
 *   spelling.written; no strokes where that is empty
 * @param {import("../ink/writable_text.js").Spelling} spelling
 * @param {{xHeight: number, slant: number}} hand of all pieces; a plain spelling needs none
 */
export function completed(line, spelling, hand) {
  const { text, places } = spelling;
  const last = Math.max([...line.text].length - 1, 0);
  if (isPlain(spelling)) {
    const placeOf = (at) => places[clamp(at, 0, last)] ?? 0;
    return { strokes: line.strokes, text, characterOfStep: line.characterOfStep.map(placeOf) };
  }
  let strokes = levelled(line);
  let own = hand;
  if (strokes.length) {
    own = { ...hand, xHeight: sizeAmong(findSize(strokes, line.text), hand.xHeight) };
  }
  if (spelling.shapes.length) strokes = withShapes(strokes, spelling, own);
  else strokes = strokes.map((stroke) => withCharacters(stroke, (at) => places[at]));
  strokes = withAccents(strokes, spelling, own);
  return {
    strokes: rowsOfPoints(strokes.map(({ points }) => points)).map((row) => row.map(Math.fround)),
    text,
    characterOfStep: strokes.flatMap(({ characters }) => characters),
  };
}

/** The strokes of a character that has a shape as a hand would write it, its ink from x = 0 on. */
export function drawn(character, hand) {
  const strokes = shapeOf(character).map((points) => inHand(points, hand));
  const left = least(strokes.flatMap((points) => points.map(([x]) => x)));
  return strokes.map((points) => points.map(([x, y]) => [x - left, y]));
}

function inHand(points, { xHeight, slant }) {
  let even = points;
  if (points.length > 1) {
    const ends = points.map((_, at) => at === points.length - 1);
    const found = resampleLine(points.map(([x]) => x), points.map(([, y]) => y), ends, SPACING, 0);
    even = found.x.map((x, at) => [x, found.y[at]]);
  }
  return even.map(([x, y]) => [xHeight * (x + slant * y), xHeight * y]);
}

function levelled(line) {
  const strokes = tracedStrokes(line);
  return strokes.length ? level(strokes, findBaseline(strokes, line.text)) : [];
}

const withCharacters = ({ points, characters }, place) => ({ points, characters: characters.map(place) });

const movedBy = ({ points, characters }, dx, dy) => ({
  points: points.map(([x, y]) => [x + dx, y + dy]), characters,
});

/** The ink with the shapes where they belong, and what follows them moved on. */
function withShapes(strokes, spelling, hand) {
  const placed = [];
  let [right, oldRight, wasShape, before] = [0, 0, true, -1];
  for (const part of partsOf(strokes, spelling, hand)) {
    const [left, end] = extentOf(part.strokes);
    let to = right + left - oldRight; // as they were written
    if (before < 0) to = left;
    else if (part.start === before) to = right + LETTER_GAP * hand.xHeight;
    else if (wasShape || part.isShape) to = right + WORD_GAP * hand.xHeight;
    placed.push(...part.strokes.map((stroke) => movedBy(stroke, to - left, 0)));
    right = to + end - left;
    if (!part.isShape) oldRight = end;
    [wasShape, before] = [part.isShape, part.stop];
  }
  return placed;
}

/** Parts {start, stop, strokes, isShape} of the words that have ink, in the text's order. */
function partsOf(strokes, spelling, hand) {
  const runs = runsOf(spelling);
  const groups = new Array(Math.max([...spelling.written].length, 1)).fill(-1);
  runs.forEach(([start, stop], group) => groups.fill(group, start, stop));
  const inks = runs.length ? splitStrokes(strokes, groups, runs.length, hand.xHeight) : [];
  const parts = runs.flatMap(([start, stop], group) => {
    if (!inks[group].length) return [];
    return [{
      start: spelling.places[start], stop: spelling.places[stop - 1] + 1, isShape: false,
      strokes: within(inks[group], spelling, start, stop, hand),
    }];
  });
  for (const [at, character] of spelling.shapes) {
    const shape = drawn(character, hand).map((points) => ({ points, characters: points.map(() => at) }));
    parts.push({ start: at, stop: at + 1, strokes: shape, isShape: true });
  }
  return parts.sort((one, other) => one.start - other.start);
}

/** The ink of one part, standing level, with its characters as indexes in the text. */
function within(ink, spelling, start, stop, hand) {
  const own = ink.map((stroke) => withCharacters(stroke, (at) => clamp(at, start, stop - 1) - start));
  const text = [...spelling.written].slice(start, stop).join("");
  const shift = wordOffset(own, text, hand.xHeight);
  return own.map((stroke) =>
    withCharacters(movedBy(stroke, 0, -shift), (at) => spelling.places[start + at]),
  );
}

/** Start and stop of each run of written without a space. */
function runsOf({ written }) {
  const runs = [];
  let start = 0;
  for (const word of written.split(" ")) {
    const length = [...word].length;
    if (length) runs.push([start, start + length]);
    start += length + 1;
  }
  return runs;
}

/** The ink with its accents, each written after its word. */
function withAccents(strokes, spelling, hand) {
  let kept = [...strokes];
  const [marks, stacked] = [[], new Map()];
  for (const [at, mark] of spelling.marks) {
    let letter = letterAt(strokes, spelling.text, at, hand);
    if (!letter) continue;
    const accent = accentOf(mark);
    if (accent.place === "above" && DOTTED.includes(baseOf(letter.character))) {
      [kept, letter] = withoutDot(kept, letter, hand);
    }
    const place = placeOf(accent, letter);
    if (accent.place === "above") {
      place[1] += STACKED * (stacked.get(at) ?? 0);
      stacked.set(at, (stacked.get(at) ?? 0) + 1);
    }
    for (const stroke of accent.strokes) {
      const points = inHand(stroke.map(([x, y]) => [x + place[0], y + place[1]]), hand);
      marks.push([at, { points, characters: points.map(() => at) }]);
    }
  }
  for (const [at, written] of marks) kept.splice(endOfWord(kept, spelling.text, at), 0, written);
  return kept;
}

/** Place of a character's ink, in x-heights, with the slant taken out; null if it has no ink. */
function letterAt(strokes, text, at, hand) {
  const points = inkOf(strokes, at).map(([x, y]) => [x / hand.xHeight, y / hand.xHeight]);
  if (!points.length) return null;
  const upright = points.map(([x, y]) => [x - hand.slant * y, y]);
  const body = upright.filter(([, y]) => y > BODY[0] && y < BODY[1]);
  const across = (body.length ? body : upright).map(([x]) => x);
  const [left, right] = [percentile(across, FEW), percentile(across, 100 - FEW)];
  const character = [...text][at];
  const tops = SMALL.has(baseOf(character)) ? SMALL_TOPS : TALL_TOPS;
  const heights = upright.map(([, y]) => y);
  return {
    character, left, right, middle: (left + right) / 2, top: clamp(most(heights), ...tops),
    bottom: clamp(least(heights), -0.2, 0.2),
  };
}

/** The points of a character. Strokes that are mostly its own say it better than the window, which
 * may be early or late by part of a letter: they are taken whole, and others not at all. */
function inkOf(strokes, at) {
  const [whole, parts] = [[], []];
  for (const { points, characters } of strokes) {
    const own = points.filter((_, step) => characters[step] === at);
    if (own.length >= MOSTLY * points.length && points.length >= FEWEST_STEPS) whole.push(...points);
    parts.push(...own);
  }
  return whole.length ? whole : parts;
}

const baseOf = (character) => [...character.normalize("NFD")][0];

/** The place of the accent's origin, in x-heights, with the slant taken out. */
function placeOf({ place }, letter) {
  if (place === "above") return [letter.middle, letter.top + ABOVE];
  if (place === "beside") return [letter.right + BESIDE, letter.top];
  if (place === "below") return [letter.middle, 0];
  if (place === "tail") return [letter.right, 0];
  const [side, height] = BARS.get(letter.character) ?? ["middle", (letter.top + letter.bottom) / 2];
  return [letter[side], height];
}

/** The ink without the dot of an i or a j, and the letter with its middle under the dot. */
function withoutDot(strokes, letter, hand) {
  let [nearest, found] = [DOT_REACH, null];
  strokes.forEach(({ points }, index) => {
    const [x, y] = [0, 1].map((axis) => points.map((point) => point[axis] / hand.xHeight));
    const size = Math.max(most(x) - least(x), most(y) - least(y));
    if (size > DOT_SIZE || least(y) < DOT_HEIGHT) return;
    const middle = mean(x.map((each, at) => each - hand.slant * y[at]));
    if (Math.abs(middle - letter.middle) >= nearest) return;
    nearest = Math.abs(middle - letter.middle);
    found = [index, middle];
  });
  if (!found) return [strokes, letter];
  const [index, middle] = found;
  return [strokes.filter((_, at) => at !== index), { ...letter, left: middle, right: middle, middle }];
}

/** Index of the stroke after the last one of the word that the character at a place is in. */
function endOfWord(strokes, text, at) {
  const characters = [...text];
  let [start, stop] = [at, at];
  while (start > 0 && /\S/.test(characters[start - 1])) start--;
  while (stop < characters.length && /\S/.test(characters[stop])) stop++;
  let end = -1;
  strokes.forEach((stroke, index) => {
    if (stroke.characters.some((each) => each >= start && each < stop)) end = index + 1;
  });
  return end < 0 ? strokes.length : end;
}
