// One's own lines as a style that a writer goes on with.

import { inOneMeasure } from "../ink/pen_path.js";
import { rowsOfPoints } from "../ink/strokes.js";
import { PROMPTS } from "./prompts.js";
import { ownLines } from "./store.js";

// A pen that is read about as often as those of the models' lines gives so many points a character.
const POINTS_PER_CHARACTER = 21;
const FEWEST_POINTS = 2;

/**
 * The style of the first line there is, in the order of the prompts; null without one.
 * @param {{normalisation: object, symbols: string[], measure?: object}} about of the writer; a line
 *   with a character that it does not know is no style for it
 */
export async function ownStyle(about) {
  const known = new Set(about.symbols);
  const lines = await ownLines();
  const order = (line) => {
    const at = PROMPTS.findIndex((prompt) => prompt.id === line.id);
    return at < 0 ? PROMPTS.length : at;
  };
  const inked = lines.filter(({ text, strokes }) =>
    strokes.length && [...text].every((character) => known.has(character)),
  );
  const [first] = inked.sort((a, b) => order(a) - order(b));
  return first ? styleOf(first, about) : null;
}

/**
 * A line as a style: in the measure that the writer's lines were given, or without one with points
 * at even times and offsets of the size that the writer knows.
 * @param {{text: string, strokes: number[][][]}} line
 * @param {{normalisation: {mean: number[], std: number[]}, measure?: object}} about of the writer
 */
export function styleOf({ text, strokes }, { normalisation, measure }) {
  const measured = measure ? inOneMeasure(strokes, text, measure) : null;
  if (measured) return { text, strokes: rowsOfPoints(measured, true) };
  const { mean, std } = normalisation;
  const rows = rowsOfPoints(atEvenTimes(strokes, POINTS_PER_CHARACTER * [...text].length), true);
  const squares = rows.slice(1).reduce((sum, [, dx, dy]) => sum + dx * dx + dy * dy, 0);
  const spread = Math.sqrt(squares / Math.max(2 * (rows.length - 1), 1)) || 1;
  const usual = Math.sqrt((mean[0] ** 2 + std[0] ** 2 + mean[1] ** 2 + std[1] ** 2) / 2);
  const scale = usual / spread;
  return { text, strokes: rows.map(([end, dx, dy]) => [end, scale * dx, scale * dy]) };
}

/** About `count` points in all, at even times; along the ink where no times are known. */
function atEvenTimes(strokes, count) {
  const clocks = strokes.map(clockOf);
  const total = clocks.reduce((sum, clock) => sum + clock[clock.length - 1], 0);
  if (!(total > 0)) return strokes;
  return strokes.map((stroke, number) => {
    const clock = clocks[number];
    const time = clock[clock.length - 1];
    if (!(time > 0)) return [stroke[0]];
    const steps = Math.max(Math.round((count * time) / total), FEWEST_POINTS) - 1;
    let place = 0;
    return Array.from({ length: steps + 1 }, (_, step) => {
      const wanted = (time * step) / steps;
      while (place + 2 < clock.length && clock[place + 1] <= wanted) place++;
      const width = clock[place + 1] - clock[place];
      const share = width > 0 ? Math.min((wanted - clock[place]) / width, 1) : 0;
      const [[x, y], [nextX, nextY]] = [stroke[place], stroke[place + 1]];
      return [x + share * (nextX - x), y + share * (nextY - y)];
    });
  });
}

/** Time since a stroke's first point at each of its points, or the pen's way where that is all. */
function clockOf(stroke) {
  const isTimed = stroke.length > 1 && stroke[stroke.length - 1][2] > stroke[0][2];
  const clock = [0];
  for (let at = 1; at < stroke.length; at++) {
    const [a, b] = [stroke[at - 1], stroke[at]];
    const step = isTimed ? Math.max(b[2] - a[2], 0) : Math.hypot(b[0] - a[0], b[1] - a[1]);
    clock.push(clock[at - 1] + step);
  }
  return clock;
}
