// Flaws of written ink that show without reading it (handwriting/pages/flaws.py).

import { tracedStrokes } from "./aligned_text.js";
import { findBaseline, findSize, level, wordOffset } from "./baseline.js";
import { least, most } from "./numbers.js";
import { splitWords } from "./words.js";

// In x-heights: how far ink may be above and below its baseline, how far a word may stand off it,
// and how wide the ink of one character may be.
const [HIGHEST, LOWEST] = [3.4, -2.2];
const OFF_LINE = 1.2;
const WIDEST_CHARACTER = 5;

export const LEAVES_LINE = "leaves its line";
export const RUNS_AWAY = "runs away";

/** Which of the two are true of the ink of a line {strokes, text, characterOfStep}. */
export function inkFlaws(line) {
  const traced = tracedStrokes(line);
  if (!traced.length) return [];
  const strokes = level(traced, findBaseline(traced, line.text));
  const { xHeight } = findSize(strokes, line.text);
  if (!(xHeight > 0)) return [];
  const found = [];
  if (leavesLine(strokes, line.text, xHeight)) found.push(LEAVES_LINE);
  if (widestRun(strokes) > WIDEST_CHARACTER * xHeight) found.push(RUNS_AWAY);
  return found;
}

function leavesLine(strokes, text, xHeight) {
  const heights = strokes.flatMap(({ points }) => points.map(([, y]) => y / xHeight));
  if (most(heights) > HIGHEST || least(heights) < LOWEST) return true;
  return splitWords(strokes, text, xHeight).words.some(
    (word) =>
      [...word.text].length > 1 &&
      Math.abs(wordOffset(word.strokes, word.text, xHeight)) > OFF_LINE * xHeight,
  );
}

/** The greatest width of a run of ink of one character. */
function widestRun(strokes) {
  let widest = 0;
  for (const { points, characters } of strokes) {
    let [left, right] = [points[0][0], points[0][0]];
    points.forEach(([x], at) => {
      if (at && characters[at] !== characters[at - 1]) [left, right] = [x, x];
      left = Math.min(left, x);
      right = Math.max(right, x);
      widest = Math.max(widest, right - left);
    });
  }
  return widest;
}
