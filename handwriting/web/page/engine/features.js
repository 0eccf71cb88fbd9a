// Features of a line for the recogniser (handwriting/ink/features.py; docs/export.md).

import { resampleLine } from "../ink/resampling.js";

const WIDE = 1.5;
const STEEPEST_SLOPE = (30 * Math.PI) / 180;
const STRONGEST_SLANT = Math.tan((50 * Math.PI) / 180);
const FLATTEST = 0.01;
const NOTHING = 1e-6;
const LARGEST_OFFSET = 8;
const LARGEST_HEIGHT = 4;
const [LEAST_APART, USUALLY_APART, MOST_APART] = [0.4, 0.64, 2];
const TURN_SPACING = 0.3;
const FEWEST_TURNS = 3;
const LEVEL_TURNS = 4;
const REWEIGHTINGS = 3;
const PIXELS = 4; // a core height
const [CELLS_ACROSS, CELLS_UP, CELL_PIXELS] = [3, 7, 2];

const within = (value, most) => Math.min(Math.max(value, -most), most);

/**
 * Computes features.
 * @param {number[][]} rows strokes as in Line.strokes
 * @param {object} options about.features of an exported recogniser
 * @returns {{columns: number[][], samples: number[]}} columns of each of the N points, and the
 *   place of each among the rows
 */
export function inkFeatures(rows, options) {
  const ends = rows.map((row) => row[0] > 0.5);
  ends[ends.length - 1] = true;
  const { x, y } = normalised(rows, ends, options);
  const points = resampleLine(x, y, ends, options.spacing, NOTHING);
  return { columns: described(points, options), samples: points.samples };
}

function normalised(rows, ends, options) {
  let { x, y } = placesOf(rows);
  const largest = [...x, ...y].reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  x = x.map((value) => value / largest);
  y = y.map((value) => value / largest);
  if (options.correct_slope) [x, y] = levelled(x, y, ends);
  if (options.correct_slant) x = upright(x, y, ends);
  [x, y] = scaled(x, y, ends);
  return options.fit_lines ? betweenLines(x, y, ends) : { x, y };
}

function placesOf(rows) {
  const [x, y] = [[], []];
  let [sumX, sumY] = [0, 0];
  rows.forEach(([, dx, dy], at) => {
    if (at) {
      sumX += dx;
      sumY += dy;
    }
    x.push(sumX);
    y.push(sumY);
  });
  return { x, y };
}

function inkWeights(x, y, ends) {
  const weights = x.map(() => 1e-12);
  for (let at = 1; at < x.length; at++) {
    if (ends[at - 1]) continue;
    const length = Math.hypot(x[at] - x[at - 1], y[at] - y[at - 1]);
    weights[at] += length;
    weights[at - 1] += length;
  }
  const total = weights.reduce((sum, value) => sum + value, 0);
  return weights.map((value) => value / total);
}

const weightedMean = (values, weights) => values.reduce((sum, value, at) => sum + value * weights[at], 0);
const range = (values) => {
  const [least, most] = ends2(values);
  return most - least;
};
const ends2 = (values) =>
  values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [
    Infinity,
    -Infinity,
  ]);

function levelled(x, y, ends) {
  if (range(x) <= WIDE * range(y)) return [x, y];
  const weights = inkWeights(x, y, ends);
  const [meanX, meanY] = [weightedMean(x, weights), weightedMean(y, weights)];
  let [products, squares] = [0, 0];
  x.forEach((value, at) => {
    products += weights[at] * (value - meanX) * (y[at] - meanY);
    squares += weights[at] * (value - meanX) ** 2;
  });
  const angle = within(Math.atan(products / squares), STEEPEST_SLOPE);
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  return [
    x.map((value, at) => value * cosine + y[at] * sine),
    y.map((value, at) => value * cosine - x[at] * sine),
  ];
}

function upright(x, y, ends) {
  let [leaning, total] = [0, 0];
  for (let at = 1; at < x.length; at++) {
    const [dx, dy] = [x[at] - x[at - 1], y[at] - y[at - 1]];
    if (ends[at - 1] || Math.abs(dy) <= Math.abs(dx) / 2) continue;
    leaning += dx * Math.sign(dy);
    total += Math.abs(dy);
  }
  const slant = within(total ? leaning / total : 0, STRONGEST_SLANT);
  return x.map((value, at) => value - slant * y[at]);
}

function scaled(x, y, ends) {
  const weights = inkWeights(x, y, ends);
  const [left, right] = ends2(x);
  const meanY = weightedMean(y, weights);
  const movedX = x.map((value) => value - (left + right) / 2);
  const movedY = y.map((value) => value - meanY);
  const again = inkWeights(movedX, movedY, ends);
  const mean = weightedMean(movedY, again);
  const spread = Math.sqrt(movedY.reduce((sum, value, at) => sum + again[at] * (value - mean) ** 2, 0));
  const largest = Math.max(right - left, range(y));
  const height = Math.max(2 * spread, FLATTEST * largest, Number.MIN_VALUE);
  return [movedX.map((value) => value / height), movedY.map((value) => value / height)];
}

function betweenLines(x, y, ends) {
  const lines = turningLines(x, y, ends);
  if (!lines) return { x, y };
  const scale = Math.sqrt(lines.apart / USUALLY_APART);
  const rise = (value) => (lines.rise * (value - lines.centre)) / lines.half;
  return {
    x: x.map((value) => value / scale),
    y: y.map((value, at) => (value - lines.middle - rise(x[at])) / scale),
  };
}

/** Two parallel lines through the pen's lower and upper turns; null where it turns too seldom. */
function turningLines(x, y, ends) {
  const points = resampleLine(x, y, ends, TURN_SPACING, NOTHING);
  const { lower, upper } = turns(points);
  if (Math.min(lower.length, upper.length) < FEWEST_TURNS) return null;
  const places = [...lower, ...upper];
  const [left, right] = ends2(places.map((at) => points.x[at]));
  const centre = places.reduce((sum, at) => sum + points.x[at], 0) / places.length;
  const half = Math.max((right - left) / 2, 1);
  const terms = places.map((at, number) => [
    1, number < lower.length ? -0.5 : 0.5, (points.x[at] - centre) / half,
  ]);
  let [middle, apart, rise] = [0, 1, 0];
  for (let round = 0; round < REWEIGHTINGS; round++) {
    const normal = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, LEVEL_TURNS, 0]];
    terms.forEach((term, number) => {
      const height = points.y[places[number]];
      const off = (height - (middle * term[0] + apart * term[1] + rise * term[2])) / apart;
      const weight = 1 / (1 + off * off) ** 2;
      normal.forEach((row, i) => {
        for (let j = 0; j < 3; j++) row[j] += weight * term[i] * term[j];
        row[3] += weight * term[i] * height;
      });
    });
    [middle, apart, rise] = solved(normal);
    apart = Math.min(Math.max(apart, LEAST_APART), MOST_APART);
  }
  return { centre, half, middle, apart, rise };
}

function turns({ y, starts }) {
  const rises = y.map((height, at) =>
    at + 1 < y.length && !starts[at + 1] ? Math.sign(y[at + 1] - height) : 0,
  );
  const [lower, upper] = [[], []];
  rises.forEach((rise, at) => {
    const turn = rise - (at ? rises[at - 1] : 0);
    if (turn > 0) lower.push(at);
    if (turn < 0) upper.push(at);
  });
  return { lower, upper };
}

/** The solution of three equations in rows of four numbers, by elimination with pivots. */
function solved(rows) {
  for (let column = 0; column < 3; column++) {
    const rest = rows.slice(column).map((row) => Math.abs(row[column]));
    const pivot = column + rest.indexOf(Math.max(...rest));
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    for (let row = 0; row < 3; row++) {
      if (row === column) continue;
      const factor = rows[row][column] / rows[column][column];
      for (let at = column; at < 4; at++) rows[row][at] -= factor * rows[column][at];
    }
  }
  return rows.map((row, at) => row[3] / row[at]);
}

function described({ x, y, starts, samples }, options) {
  const { spacing } = options;
  const around = options.surroundings ? inkAround(x, y, spacing) : null;
  const directions = x.map((value, at) => {
    const [dx, dy] = at ? [value - x[at - 1], y[at] - y[at - 1]] : [0, 0];
    const length = Math.hypot(dx, dy);
    return length > NOTHING ? [dx / length, dy / length] : [0, 0];
  });
  return x.map((value, at) => {
    const [dx, dy] = at ? [value - x[at - 1], y[at] - y[at - 1]] : [0, 0];
    const [cosine, sine] = directions[at];
    const [nextCosine, nextSine] = directions[at + 1] ?? [0, 0];
    const isEnd = at + 1 === x.length || starts[at + 1];
    const bound = LARGEST_OFFSET * spacing;
    return [
      within(dx, bound) / (2 * spacing), within(dy, bound) / (2 * spacing),
      within(y[at], LARGEST_HEIGHT), cosine, sine,
      nextCosine * cosine + nextSine * sine, nextSine * cosine - nextCosine * sine,
      starts[at] ? 1 : 0, isEnd ? 1 : 0, ...(around ? around[at] : []),
      ...(options.time ? [Math.log1p(at ? Math.max(samples[at] - samples[at - 1], 0) : 0)] : []),
    ];
  });
}

/** How much ink is in each of the cells around each point, from the lowest row up. */
function inkAround(x, y, spacing) {
  const highest = LARGEST_HEIGHT * PIXELS;
  const [left] = ends2(x.map((value) => value * PIXELS));
  const rows = y.map((value) => Math.floor(within(value * PIXELS, highest) + highest));
  const columns = withoutWideGaps(x.map((value) => Math.floor(value * PIXELS - left)));
  const [, most] = ends2(columns);
  const ink = new Map();
  const height = 2 * highest + 1;
  columns.forEach((column, at) => {
    const key = column * height + rows[at];
    ink.set(key, (ink.get(key) ?? 0) + spacing);
  });
  const inkAt = (column, row) =>
    column < 0 || column > most || row < 0 || row >= height ? 0 : ink.get(column * height + row) ?? 0;
  return columns.map((column, at) => {
    const cells = [];
    for (let up = 0; up < CELLS_UP; up++) {
      for (let across = 0; across < CELLS_ACROSS; across++) {
        const first = column - (CELLS_ACROSS * CELL_PIXELS) / 2 + CELL_PIXELS * across;
        const lowest = rows[at] - (CELLS_UP * CELL_PIXELS) / 2 + CELL_PIXELS * up;
        const sum = inkAt(first, lowest) + inkAt(first + 1, lowest) +
          inkAt(first, lowest + 1) + inkAt(first + 1, lowest + 1);
        cells.push(Math.min(sum, 1));
      }
    }
    return cells;
  });
}

function withoutWideGaps(places) {
  const occupied = [...new Set(places)].sort((a, b) => a - b);
  const moved = new Map();
  let place = 0;
  occupied.forEach((value, at) => {
    place += Math.min(at ? value - occupied[at - 1] : value, CELLS_ACROSS * CELL_PIXELS);
    moved.set(value, place);
  });
  return places.map((value) => moved.get(value));
}
