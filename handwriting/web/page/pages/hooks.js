// Hooks that a model's pen makes as it leaves a full stop (handwriting/pages/hooks.py).

import { partOf } from "./aligned_text.js";
import { least, most } from "./numbers.js";

// In x-heights.
const LONGEST_STOP = 0.5;
const KEPT = 0.1; // to each side of its lowest point
const REACH = 0.6; // from the baseline, of its lowest point; and of its first, after a tall letter
const OVERLAP = 0.15; // with the ink of its word
const TALL = new Set("bdfhkltijJBCDEFGHIKLMNOPRSTUVWXYZ0123456789!?\"')]}|/");

/**
 * A word's strokes with a full stop at its end as short as one is.
 * @param {object[]} strokes traced and level; their characters are indexes in the text
 * @param {string} text the word
 * @param {number} xHeight
 */
export function withoutHook(strokes, text, xHeight) {
  const characters = [...text];
  const others = strokes.slice(0, -1);
  if (characters.at(-1) !== "." || characters.length < 2 || !others.length) return strokes;
  const stop = strokes.at(-1);
  const way = [0];
  for (let at = 1; at < stop.points.length; at++) {
    const [[x, y], [nextX, nextY]] = [stop.points[at - 1], stop.points[at]];
    way.push(way[at - 1] + Math.hypot(nextX - x, nextY - y));
  }
  if (way.at(-1) <= LONGEST_STOP * xHeight) return strokes;
  if (!isFullStop(stop, others, characters, xHeight)) return strokes;
  const lowest = lowestOf(stop.points);
  const kept = way.flatMap((each, at) =>
    Math.abs(each - way[lowest]) <= KEPT * xHeight ? [at] : [],
  );
  return [...others, partOf(stop, kept[0], kept.at(-1) + 1)];
}

function lowestOf(points) {
  let lowest = 0;
  points.forEach(([, y], at) => {
    if (y < points[lowest][1]) lowest = at;
  });
  return lowest;
}

function isFullStop(stop, others, characters, xHeight) {
  const last = characters.length - 1;
  const right = most(others.flatMap(({ points }) => points.map(([x]) => x)));
  const hasLetter = others.some((stroke) => stroke.characters.includes(last - 1));
  const heights = stop.points.map(([, y]) => y / xHeight);
  const bottom = least(heights);
  const height = TALL.has(characters[last - 1]) ? heights[0] : bottom;
  return (
    hasLetter &&
    stop.characters.every((at) => at === last) &&
    Math.abs(height) < REACH &&
    Math.abs(bottom) < REACH &&
    least(stop.points.map(([x]) => x)) > right - OVERLAP * xHeight
  );
}
