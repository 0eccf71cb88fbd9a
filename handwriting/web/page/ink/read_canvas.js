// Ink as web pages record it on a canvas, in the shapes of JSON that exist
// (handwriting/formats/canvas_reader.py); y grows downwards, as on a screen.

import { isObject, named, pointsOf, textOf } from "./json_values.js";

const SHAPES = [
  "[{x, y, t, p}]", "[[{x, y, t, p}]]", "[[[x, y]]]", "[[[x, ...], [y, ...], [t, ...]]]",
  "[{x: [...], y: [...], t: [...]}]", "[{points: [{x, y, time, pressure}], penColor}]",
  "[{pointers: [{x, y, t, p}]}]",
];
const WRAPPERS = ["strokes", "drawing", "ink", "events", "data", "pointGroups", "points", "requests"];
const GROUPS = ["points", "pointers", "paths"];
const TEXTS = ["text", "label", "word", "transcription", "truth"];
const PENS = ["stroke", "strokeId", "stroke_id", "pen", "penDown", "pen_down", "down"];
const [MOST_WRAPPED, MOST_CHANNELS] = [4, 4];

/**
 * The ink of a JSON value of one of the shapes.
 * @returns {{text: string, strokes: number[][][]}}
 */
export function canvasInk(value) {
  let text = "";
  for (let depth = 0; depth < MOST_WRAPPED && isObject(value); depth++) {
    const own = TEXTS.find((key) => value[key]);
    text ||= own ? textOf(value[own]) : "";
    const wrapper = WRAPPERS.find((key) => Array.isArray(value[key]));
    if (!wrapper) break;
    value = isRequest(value[wrapper]) ? value[wrapper][0] : value[wrapper];
  }
  return { text: text.split(/\s+/).filter(Boolean).join(" "), strokes: strokesOf(value) };
}

/** Whether a list has one thing in it that has the ink. */
const isRequest = (list) => list.length === 1 && isObject(list[0]) && Array.isArray(list[0].ink);

function strokesOf(value) {
  if (!Array.isArray(value) || !value.length) throw unknown(value);
  if (value.every(isObject)) {
    if (value.some(groupOf)) return value.flatMap(groupStrokes);
    if (Array.isArray(value[0].x)) return value.map(({ x, y }) => transposed([x, y]));
    return pointStrokes(value);
  }
  if (value.every(Array.isArray)) return listStrokes(value.filter((each) => each.length));
  throw unknown(value);
}

function unknown(value) {
  const got = Array.isArray(value) && value.length ? `a list of ${named(value[0])}` : named(value);
  return new Error(`its JSON is of no known shape, got ${got}; shapes are ${SHAPES.join(", ")}`);
}

function groupOf(entry) {
  const key = GROUPS.find((each) => Array.isArray(entry[each]));
  return key ? entry[key] : null;
}

/** Strokes of {points: [...]}; none of an eraser. */
function groupStrokes(group) {
  const points = groupOf(group);
  const erases = group.compositeOperation === "destination-out" || group.drawMode === false;
  if (!points?.length) return [];
  const strokes = pointStrokes(points);
  return erases ? [] : strokes;
}

/** Strokes of points {x, y, t, p}; one, unless the points tell of several. */
function pointStrokes(points) {
  if (!points.every(isObject)) return [pointsOf(points)];
  const rows = pointsOf(points.map(({ x, y }) => [x, y]));
  const name = PENS.find((each) => each in points[0]);
  const pens = points.map((point) => (typeof point[name] === "boolean" ? Number(point[name]) : point[name]));
  const isKnown = name !== undefined && pens.every(Number.isFinite);
  return penRuns(isKnown ? pens : null, rows.length).map((run) => run.map((at) => rows[at]));
}

function transposed(channels) {
  const isGood = channels.every((each) => Array.isArray(each) && each.length);
  if (!isGood || channels[0].length !== channels[1].length) {
    throw new Error("a stroke has lists of x and of y, as long as each other");
  }
  return pointsOf(channels[0].map((x, at) => [x, channels[1][at]]));
}

/** Strokes of lists: of points as objects, of points as lists, or of channels. */
function listStrokes(strokes) {
  const everything = strokes.flat();
  if (strokes.length && everything.every(isObject)) return strokes.flatMap(pointStrokes);
  if (!strokes.length || !everything.every(Array.isArray)) throw unknown(strokes);
  // Where both can be, as in two strokes of two points, they are lists of x and of y.
  const areChannels = strokes.every((stroke) =>
    stroke.length >= 2 && stroke.length <= MOST_CHANNELS &&
    stroke.every((row) => row.length === stroke[0].length),
  );
  return strokes.map((stroke) => (areChannels ? transposed(stroke.slice(0, 2)) : pointsOf(stroke)));
}

/**
 * Which points are in each stroke.
 * @param {number[] | null} pens for each point whether the pen is down, 0 or 1; or, where there are
 *   other values, the number of its stroke
 * @param {number} count of points
 * @returns {number[][]}
 */
export function penRuns(pens, count) {
  const points = Array.from({ length: count }, (_, at) => at);
  if (!pens) return [points];
  const runs = splitWhere(points, (at) => pens[at] !== pens[at - 1]);
  const isState = pens.every((pen) => pen === 0 || pen === 1);
  return runs.filter((run) => !isState || pens[run[0]] === 1);
}

/** Numbers of points cut before each that something is true of. */
export function splitWhere(points, isStart) {
  const runs = [];
  for (const at of points) {
    if (!runs.length || isStart(at)) runs.push([]);
    runs[runs.length - 1].push(at);
  }
  return runs;
}
