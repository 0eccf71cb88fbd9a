// One measure for the ink of all devices: a smooth path, with points as dense as it bends
// (handwriting/ink/pen_path.py). Lengths are in heights of small letters.

import { xHeight } from "./measures.js";

const FINER = 3;
const MOST_POINTS = 20_000;

/**
 * Strokes in the size, and with the points, that a model was trained on.
 * @param {number[][][]} strokes points, in any units
 * @param {string} text what they say
 * @param {{x_height: number | null, path: {smooth: number, step: number, turn: number} | null}}
 *   measure of the model
 * @returns {number[][][] | null} null where the height of small letters cannot be measured
 */
export function inOneMeasure(strokes, text, { x_height: height, path }) {
  const measured = xHeight(strokes, text);
  if (!(measured > 0)) return null;
  const sampled = path ? strokes.map((stroke) => sampledPath(stroke, measured, path)) : strokes;
  const factor = height === null ? 1 : height / measured;
  return sampled.map((stroke) => stroke.map(([x, y]) => [factor * x, factor * y]));
}

/** Points on the smooth path of a stroke, its ends among them; one where it is hardly a stroke. */
export function sampledPath(stroke, height, { smooth, step, turn }) {
  const ways = waysOf(stroke);
  const length = ways[ways.length - 1];
  if (length <= smooth * height) {
    const total = stroke.reduce(([x, y], point) => [x + point[0], y + point[1]], [0, 0]);
    return [total.map((value) => value / stroke.length)];
  }
  const fine = Math.min(Math.ceil((length / (smooth * height)) * FINER) + 1, MOST_POINTS);
  const count = Math.max(fine, 3);
  const even = Array.from({ length: count }, (_, at) => (length * at) / (count - 1));
  const path = smoothed(placesAt(stroke, ways, even), FINER);
  const progress = progressOf(path, step * height, turn);
  const all = progress[progress.length - 1];
  const parts = Math.min(Math.max(Math.round(all), 1), Math.max(stroke.length - 1, 1));
  const wanted = Array.from({ length: parts + 1 }, (_, at) => (all * at) / parts);
  return placesAt(path, progress, wanted);
}

function waysOf(points) {
  const ways = [0];
  for (let at = 1; at < points.length; at++) {
    const [dx, dy] = [points[at][0] - points[at - 1][0], points[at][1] - points[at - 1][1]];
    ways.push(ways[at - 1] + Math.hypot(dx, dy));
  }
  return ways;
}

/** Points of a path at places along it, which grow. */
function placesAt(points, along, wanted) {
  let at = 0;
  return wanted.map((place) => {
    while (at + 2 < along.length && along[at + 1] <= place) at++;
    const width = along[at + 1] - along[at];
    const share = width > 0 ? Math.min((place - along[at]) / width, 1) : 0;
    const [[x, y], [nextX, nextY]] = [points[at], points[at + 1]];
    return [x + share * (nextX - x), y + share * (nextY - y)];
  });
}

/** Gaussian average of evenly spaced points, reflected through the path's ends. */
function smoothed(points, sigma) {
  const radius = Math.min(Math.ceil(3 * sigma), points.length - 1);
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, at) =>
    Math.exp(-0.5 * ((at - radius) / sigma) ** 2),
  );
  const total = kernel.reduce((sum, value) => sum + value, 0);
  const last = points.length - 1;
  const pointAt = (at, axis) => {
    if (at < 0) return 2 * points[0][axis] - points[-at][axis];
    if (at > last) return 2 * points[last][axis] - points[2 * last - at][axis];
    return points[at][axis];
  };
  return points.map((_, at) => [0, 1].map((axis) => {
    let sum = 0;
    kernel.forEach((weight, near) => (sum += weight * pointAt(at + near - radius, axis)));
    return sum / total;
  }));
}

/** How many points a path has used up at each of its own. */
function progressOf(path, step, turn) {
  const moves = path.slice(1).map(([x, y], at) => [x - path[at][0], y - path[at][1]]);
  const directions = moves.map(([dx, dy]) => Math.atan2(dy, dx));
  const turned = moves.map(() => 0);
  for (let at = 0; at + 1 < moves.length; at++) {
    const difference = directions[at + 1] - directions[at];
    const bend = Math.abs(difference - 2 * Math.PI * Math.floor((difference + Math.PI) / (2 * Math.PI)));
    turned[at] += bend / 2;
    turned[at + 1] += bend / 2;
  }
  const progress = [0];
  moves.forEach(([dx, dy], at) => {
    progress.push(progress[at] + Math.hypot(Math.hypot(dx, dy) / step, turned[at] / turn));
  });
  return progress;
}
