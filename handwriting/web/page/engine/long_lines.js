// Lines longer than those of the training, in pieces (handwriting/readings/long_lines.py): cut at gaps
// between words, since attention is lost on them.

import { xHeight } from "../ink/measures.js";
import { pointsOfStrokes } from "../ink/strokes.js";

const LONGEST = 170; // x-heights of the pen's way on paper, of a line that is read whole
// In the same unit. A usual piece, and what a gap is worth that is as wide as a word's space.
const [USUAL, WORTH, SPACE] = [100, 0.6, 2];
const [NARROWEST, BETWEEN_WORDS] = [0.2, 0.7];
const MOST_GAPS = 2000;

/**
 * First row and the one after the last of each piece that a line is read in.
 * @param {number[][]} rows strokes as in Line.strokes
 * @returns {[number, number][]} one for a line that is not long, or has no gaps
 */
export function piecesOf(rows) {
  const whole = [[0, rows.length]];
  const strokes = pointsOfStrokes(rows);
  const size = xHeight(strokes);
  let way = 0;
  const ways = strokes.map((stroke) => (way += lengthOf(stroke)));
  if (!(size > 0) || way <= LONGEST * size) return whole;
  const gaps = gapsOf(strokes, size);
  if (!gaps.length) return whole;
  const places = gaps.map(({ at }) => ways[at - 1] / size);
  const cuts = bestCuts(places, gaps.map(({ width }) => width), way / size).map((gap) => gaps[gap].at);
  let row = 0;
  const ends = strokes.map((stroke) => (row += stroke.length));
  const edges = [0, ...cuts.map((at) => ends[at - 1]), rows.length];
  return edges.slice(1).map((edge, at) => [edges[at], edge]);
}

function lengthOf(stroke) {
  let way = 0;
  for (let at = 1; at < stroke.length; at++) {
    way += Math.hypot(stroke[at][0] - stroke[at - 1][0], stroke[at][1] - stroke[at - 1][1]);
  }
  return way;
}

const leftOf = (stroke) => stroke.reduce((least, [x]) => Math.min(least, x), Infinity);
const rightOf = (stroke) => stroke.reduce((most, [x]) => Math.max(most, x), -Infinity);

/** Strokes {at, width} that begin right of a gap, all that come later right of it and all before left
 * of it, and how wide it is, in x-heights. */
function gapsOf(strokes, size) {
  const [lefts, rights] = [strokes.map(leftOf), strokes.map(rightOf)];
  const begins = [...lefts];
  for (let at = begins.length - 2; at >= 0; at--) begins[at] = Math.min(begins[at], begins[at + 1]);
  let reached = -Infinity;
  const gaps = [];
  for (let at = 1; at < strokes.length; at++) {
    reached = Math.max(reached, rights[at - 1]);
    const width = (begins[at] - reached) / size;
    if (width > NARROWEST) gaps.push({ at, width });
  }
  if (gaps.length <= MOST_GAPS) return gaps;
  const widest = [...gaps].sort((one, other) => other.width - one.width).slice(0, MOST_GAPS);
  return widest.sort((one, other) => one.at - other.at);
}

/** Numbers of the gaps that cut a line into pieces of about the usual length at wide gaps. */
function bestCuts(way, widths, total) {
  const places = [0, ...way, total];
  const worth = [0, ...widths.map((width) => WORTH * Math.min(width / SPACE, 1)), WORTH];
  const [costs, came] = [[0], [0]];
  for (let at = 1; at < places.length; at++) {
    costs[at] = Infinity;
    for (let before = 0; before < at; before++) {
      const length = (places[at] - places[before]) / USUAL;
      const cost = costs[before] + (length - 1) ** 2 + (WORTH - worth[at]);
      if (cost < costs[at]) [costs[at], came[at]] = [cost, before];
    }
  }
  const cuts = [];
  for (let at = came[places.length - 1]; at > 0; at = came[at]) cuts.push(at - 1);
  return cuts.reverse();
}

/** What stands between pieces: a space, or nothing in too narrow a gap. */
export function separatorsOf(rows, pieces) {
  const size = xHeight(pointsOfStrokes(rows));
  let x = 0;
  const places = rows.map(([, dx]) => [(x += dx)]);
  return pieces.slice(1).map(([start, stop], at) => {
    const gap = leftOf(places.slice(start, stop)) - rightOf(places.slice(...pieces[at]));
    return gap > BETWEEN_WORDS * size ? " " : "";
  });
}
