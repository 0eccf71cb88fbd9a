// Single-stroke shapes of characters that a model does not write, and of accents, in x-heights, y
// upwards, upright (handwriting/ink/character_shapes.py).

import { ACCENTS as MARKS, SHAPES } from "./shapes.js";

const UNITS = 10_000;

/** Whether a character has a shape. */
export const hasShape = (character) => Object.hasOwn(SHAPES, character);

/** The strokes [[x, y], ...] of a character that has a shape, its ink from x = 0 on. */
export const shapeOf = (character) => SHAPES[character].map(pointsOf);

/** Whether a combining character is a mark that can be written. */
export const isAccent = (mark) => Object.hasOwn(MARKS, mark);

/**
 * A mark on a letter: {place, strokes}. The place is "above", "below" or "across" the letter, a
 * "tail" at its lower right, or "beside" it at its upper right; x = 0 is the letter's middle.
 */
export const accentOf = (mark) => ({
  place: MARKS[mark].place, strokes: MARKS[mark].strokes.map(pointsOf),
});

function pointsOf(numbers) {
  const points = [];
  for (let at = 0; at < numbers.length; at += 2) {
    points.push([numbers[at] / UNITS, numbers[at + 1] / UNITS]);
  }
  return points;
}
