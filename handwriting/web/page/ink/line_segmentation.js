// Dividing a page of ink into its lines of writing (handwriting/ink/line_segmentation.py; Postl
// 1986, "Detection of linear oblique structures and skew scan in digitized documents").
//
// Lengths are in x-heights.

import { xHeight } from "./measures.js";
import { evenlyInked } from "./resampling.js";

const SAMPLING = 0.25;
const BIN = 0.1;
const SMOOTHING = 0.45;
const SLOPES = Array.from({ length: 73 }, (_, at) => -0.18 + (0.36 * at) / 72);
const MOST_BINS = 20_000;
const LOWEST_PEAK = 0.02;
const DEEP_VALLEY = 0.8;
const SMALLEST_PITCH = 1.5;
const BESIDE = 2.5;
const OVERLAP = 0.1;
const WIDE = 15;
const SLOPE_CHANGE = 0.1;
const COMPANY = 0.4;
const ROUNDS = 3;
const REACH = Math.round((3 * SMOOTHING) / BIN);
const KERNEL = Array.from({ length: 2 * REACH + 1 }, (_, at) =>
  Math.exp(-((((at - REACH) * BIN) / SMOOTHING) ** 2) / 2),
);

/**
 * The lines that strokes form.
 * @param {number[][][]} strokes points, y upwards, in the order they were written
 * @returns {number[][]} the indices of each line's strokes, from the top
 */
export function splitLines(strokes) {
  const everything = [strokes.map((_, at) => at)];
  const size = xHeight(strokes);
  if (!(size > 0)) return everything;
  const inks = strokes.map((stroke) =>
    evenlyInked(stroke.map(([x, y]) => [x / size, y / size]), SAMPLING),
  );
  const found = peaks(inks);
  if (!found) return everything;
  let lines = found.levels.map((level) => [level, found.slope]);
  let labels = nearest(inks, lines);
  for (let round = 0; round < ROUNDS; round++) {
    lines = lines.map((line, k) => fitted(inks.filter((_, at) => labels[at] === k), found.slope, line));
    const before = labels;
    labels = nearest(inks, lines);
    if (labels.every((label, at) => label === before[at])) break;
  }
  return joined(inks, labels, lines, found.slope);
}

function peaks(inks) {
  const points = inks.flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  if (rangeOf(ys) + 0.18 * rangeOf(xs) > MOST_BINS * BIN) return null;
  let best = null;
  for (const slope of SLOPES) {
    const levels = points.map(([x, y]) => y - slope * x);
    const lowest = levels.reduce((least, level) => Math.min(least, level), Infinity);
    const profile = profileOf(levels, lowest);
    const sharpness = profile.reduce((sum, ink) => sum + ink * ink, 0);
    if (!best || sharpness > best.sharpness) best = { slope, lowest, profile, sharpness };
  }
  const { profile } = best;
  const highest = profile.reduce((most, ink) => Math.max(most, ink), 0);
  const places = [];
  for (let at = 1; at + 1 < profile.length; at++) {
    const isPeak = profile[at] > profile[at - 1] && profile[at] >= profile[at + 1];
    if (isPeak && profile[at] > LOWEST_PEAK * highest) places.push(at);
  }
  const kept = distinct(profile, places);
  if (kept.length < 2) return null;
  const levels = kept.map((at) => best.lowest + (at - REACH + 0.5) * BIN);
  return { slope: best.slope, levels };
}

function profileOf(levels, lowest) {
  const bins = levels.map((level) => Math.floor((level - lowest) / BIN));
  const count = bins.reduce((most, bin) => Math.max(most, bin), 0) + 1;
  const ink = new Float64Array(count);
  for (const bin of bins) ink[bin]++;
  const profile = new Float64Array(count + 2 * REACH);
  ink.forEach((amount, bin) => {
    if (amount) KERNEL.forEach((share, at) => (profile[bin + at] += amount * share));
  });
  return profile;
}

/** The peaks that have a deep valley between them; of two that have none, the higher. */
function distinct(profile, places) {
  const kept = [...places];
  for (;;) {
    let [at, most] = [-1, DEEP_VALLEY];
    for (let place = 0; place + 1 < kept.length; place++) {
      const depth = depthOf(profile, kept[place], kept[place + 1]);
      if (depth > most) [at, most] = [place, depth];
    }
    if (at < 0) return kept;
    kept.splice(profile[kept[at]] < profile[kept[at + 1]] ? at : at + 1, 1);
  }
}

/** How high the valley between two peaks is, as a share of the lower of them. */
function depthOf(profile, a, b) {
  let lowest = Infinity;
  for (let at = a; at <= b; at++) lowest = Math.min(lowest, profile[at]);
  return lowest / Math.min(profile[a], profile[b]);
}

function nearest(inks, lines) {
  const distances = inks.map((ink) =>
    lines.map(([level, slope]) =>
      ink.reduce((sum, [x, y]) => sum + Math.abs(y - level - x * slope), 0) / ink.length,
    ),
  );
  let labels = distances.map(leastOf);
  for (let round = 0; round < 2; round++) {
    const before = labels;
    labels = distances.map((row, at) => {
      const seeming = [...row];
      if (at > 0) seeming[before[at - 1]] -= COMPANY;
      if (at + 1 < before.length) seeming[before[at + 1]] -= COMPANY;
      return leastOf(seeming);
    });
  }
  return labels;
}

function leastOf(values) {
  return values.reduce((best, value, at) => (value < values[best] ? at : best), 0);
}

function fitted(inks, slope, line) {
  const points = inks.flat();
  if (!points.length) return line;
  let own = line[1];
  const meanX = meanOf(points.map(([x]) => x));
  if (rangeOf(points.map(([x]) => x)) > WIDE) {
    const meanY = meanOf(points.map(([, y]) => y));
    let [products, squares] = [0, 0];
    for (const [x, y] of points) {
      products += (x - meanX) * (y - meanY);
      squares += (x - meanX) ** 2;
    }
    own = Math.min(Math.max(products / squares, slope - SLOPE_CHANGE), slope + SLOPE_CHANGE);
  }
  return [meanOf(points.map(([x, y]) => y - own * x)), own];
}

/** Lines that have strokes, from the top, with those that are beside each other made one. */
function joined(inks, labels, lines, slope) {
  const parts = lines
    .map((line, k) => ({ line, strokes: labels.flatMap((label, at) => (label === k ? [at] : [])) }))
    .filter(({ strokes }) => strokes.length);
  const middle = meanOf(inks.flatMap((ink) => ink.map(([x]) => x)));
  const heightOf = ({ line }) => line[0] + line[1] * middle;
  parts.sort((a, b) => heightOf(b) - heightOf(a));
  let at = 0;
  while (at + 1 < parts.length) {
    if (!isOneLine(inks, parts[at], parts[at + 1])) {
      at++;
      continue;
    }
    const strokes = [...parts[at].strokes, ...parts[at + 1].strokes].sort((a, b) => a - b);
    const line = fitted(strokes.map((stroke) => inks[stroke]), slope, parts[at].line);
    parts.splice(at, 2, { line, strokes });
    at = Math.max(at - 1, 0);
  }
  return parts.map(({ strokes }) => strokes);
}

function isOneLine(inks, upper, lower) {
  const [a, b] = [upper, lower].map(({ strokes }) =>
    strokes.flatMap((at) => inks[at].map(([x]) => x)),
  );
  const [leastA, leastB] = [a, b].map((values) => values.reduce((x, y) => Math.min(x, y)));
  const [mostA, mostB] = [a, b].map((values) => values.reduce((x, y) => Math.max(x, y)));
  const [left, right] = [Math.max(leastA, leastB), Math.min(mostA, mostB)];
  const level = upper.line[0] - lower.line[0];
  const change = upper.line[1] - lower.line[1];
  const pitch = Math.abs(level + (change * (left + right)) / 2);
  const shared = (right - left) / Math.max(Math.min(mostA - leastA, mostB - leastB), SAMPLING);
  return pitch < SMALLEST_PITCH || (shared < OVERLAP && pitch < BESIDE);
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
function rangeOf(values) {
  return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
}
