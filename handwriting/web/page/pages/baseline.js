// Baseline and size of a line of handwriting (handwriting/pages/baseline.py, ink/levelling.py).
//
// Strokes are traced: {points: [[x, y], ...], characters: [...]}, y upwards.

import { clamp, least, mean, median, most, sum } from "./numbers.js";

const OFF_BASELINE = new Set("gjpqyzfQJ,;:'\"`-^*~_()[]{}|/+=<>@çÇşŞţŢąĄęĘįĮ°²³¹€£");
const SMALL_LETTERS = new Set("acemnorsuvwxz");
const TALL_LETTERS = new Set("bdhklABCDEFGHIJKLMNOPRSTUVWXYZ0123456789");
const NEIGHBOURS = 3;
const ROUNDS = 12;
const [WANDER_WIDTH, WANDER_REACH, KNOT_SPACING] = [3, 0.8, 1];
const [STEEPEST, SLOPES, BAND] = [0.35, 71, 0.4];
const LETTERS_BELIEVED = 6;
const SIZE_LIMITS = [0.6, 1.6];
// A word stands where most of its low points are, within a band; in x-heights.
const [WORD_BAND, WORD_REACH, DEEP] = [0.35, 3, 0.3];
const DEEP_OF_SPREAD = 0.45; // the same, where the size is not known yet
const HELD_BY = 0.1; // low points that say that the word is level already
const WIDE_FOR_TREND = 3;
const FEWEST_LETTERS = 3;
const X_HEIGHT_OF_TALL = 0.52;
const X_HEIGHT_OF_SPREAD = 1.5;

/** The line {slope, intercept} that the letters stand on. */
export function findBaseline(strokes, text) {
  const points = strokes.flatMap((stroke) => stroke.points);
  const { slope, spread } = trend(points);
  const deep = deepLows(strokes, text, DEEP_OF_SPREAD * spread).map(({ point }) => point);
  const low = deep.length ? deep : lowPoints(strokes, text);
  if (spread === 0) return { slope, intercept: points[0][1] - slope * points[0][0] };
  return refined(low, densestBand(low, slope, BAND * spread), spread);
}

/** The ink turned and shifted so that its baseline is y = 0. */
export function level(strokes, { slope, intercept }) {
  const length = Math.hypot(1, slope);
  const [cosine, sine] = [1 / length, slope / length];
  return moved(strokes, ([x, y]) => {
    const over = y - intercept;
    return [x * cosine + over * sine, over * cosine - x * sine];
  });
}

/** Levelled ink without how its baseline wanders about y = 0. */
export function unbend(strokes, text, xHeight) {
  if (!(xHeight > 0)) return strokes;
  const low = lowPoints(strokes, text).map(([x, y]) => [x / xHeight, y / xHeight]);
  const left = least(low.map(([x]) => x));
  const count = Math.ceil((most(low.map(([x]) => x)) + KNOT_SPACING - left) / KNOT_SPACING);
  const knots = Array.from({ length: count }, (_, at) => left + at * KNOT_SPACING);
  const heights = wander(low, knots);
  return moved(strokes, ([x, y]) => {
    const place = clamp((x / xHeight - left) / KNOT_SPACING, 0, count - 1);
    const at = Math.min(Math.floor(place), count - 1);
    const next = Math.min(at + 1, count - 1);
    const height = heights[at] + (place - at) * (heights[next] - heights[at]);
    return [x, y - xHeight * height];
  });
}

/** {xHeight, letters} of levelled ink: the height, and the number of letters it was measured on. */
export function findSize(strokes, text) {
  const characters = [...text];
  const { spread } = trend(strokes.flatMap((stroke) => stroke.points));
  const tops = new Map();
  for (const { points, characters: of } of strokes) {
    points.forEach(([, y], at) => tops.set(of[at], Math.max(y, tops.get(of[at]) ?? -Infinity)));
  }
  const heights = [...tops].filter(([, top]) => top > 0);
  const of = (letters) => heights.filter(([at]) => letters.has(characters[at])).map(([, top]) => top);
  const small = of(SMALL_LETTERS);
  if (small.length >= FEWEST_LETTERS) return { xHeight: median(small), letters: small.length };
  const rough = [...small, ...of(TALL_LETTERS).map((top) => X_HEIGHT_OF_TALL * top)];
  if (rough.length) return { xHeight: median(rough), letters: 1 };
  return { xHeight: X_HEIGHT_OF_SPREAD * spread, letters: 0 };
}

/** The median x-height of some pieces by their letters; null where none is known. */
export function usualXHeight(sizes) {
  const known = sizes.filter(({ xHeight }) => xHeight > 0);
  if (!known.length) return null;
  return median(
    known.flatMap(({ xHeight, letters }) => new Array(Math.max(letters, 1)).fill(xHeight)),
  );
}

/** The x-height that one piece of a page is taken to have: all come from one hand, but its own size
 * is believed the more the more letters it was measured on. */
export function sizeAmong({ xHeight, letters }, usual) {
  const ratio = xHeight > 0 ? clamp(xHeight / usual, ...SIZE_LIMITS) : 1;
  return usual * ratio ** (letters / (letters + LETTERS_BELIEVED));
}

/**
 * How high one word of a levelled line stands over y = 0; 0 where it cannot be told.
 * @param {object[]} strokes of the word; their characters are indexes in the text
 * @param {string} text the word
 * @param {number} xHeight
 */
export function wordOffset(strokes, text, xHeight) {
  if (!(xHeight > 0) || [...text].every((character) => OFF_BASELINE.has(character))) return 0;
  const lowest = new Map();
  for (const { character, point } of deepLows(strokes, text, DEEP * xHeight)) {
    lowest.set(character, Math.min(point[1], lowest.get(character) ?? Infinity));
  }
  const low = [...lowest.values()]
    .map((height) => height / xHeight)
    .filter((height) => Math.abs(height) < WORD_REACH)
    .sort((a, b) => a - b);
  if (!low.length) return 0;
  let [best, first, count] = [-Infinity, 0, 0];
  low.forEach((height, at) => {
    const inBand = low.filter((other, index) => index >= at && other <= height + WORD_BAND).length;
    // Of bands as full, the one nearest to the line.
    const score = inBand - 0.1 * Math.abs(height + WORD_BAND / 2);
    if (score > best) [best, first, count] = [score, at, inBand];
  });
  return (xHeight * mean(low.slice(first, first + count)) * count) / (count + HELD_BY);
}

/** Characters that stand on the baseline, each with a point at which the pen, writing it, has come
 * down and goes up by at least depth, or begins or ends its stroke. */
function deepLows(strokes, text, depth) {
  const characters = [...text];
  const found = [];
  for (const { points, characters: of } of strokes) {
    const y = points.map((point) => point[1]);
    const turns = turnsOf(y, depth);
    turns.forEach((index, at) => {
      const before = at ? y[turns[at - 1]] : Infinity;
      const after = at + 1 < turns.length ? y[turns[at + 1]] : Infinity;
      const isLow = y[index] < before && y[index] < after;
      if (isLow && !OFF_BASELINE.has(characters[of[index]])) {
        found.push({ character: of[index], point: points[index] });
      }
    });
  }
  return found;
}

/** Indexes of the extremes of heights between which the pen goes up or down by at least depth,
 * alternately low and high, from its first to its last. */
function turnsOf(y, depth) {
  const turns = [];
  let [low, high, rising] = [0, 0, 0];
  y.forEach((height, index) => {
    if (height < y[low]) low = index;
    if (height > y[high]) high = index;
    if (rising <= 0 && height - y[low] >= depth) {
      turns.push(low);
      [rising, high] = [1, index];
    } else if (rising >= 0 && y[high] - height >= depth) {
      turns.push(high);
      [rising, low] = [-1, index];
    }
  });
  turns.push(rising > 0 ? high : low);
  return turns;
}

function moved(strokes, move) {
  return strokes.map(({ points, characters }) => ({ points: points.map(move), characters }));
}

/** Slope of the least-squares line, 0 where points are not wide, and their spread about it. */
function trend(points) {
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  const slope = xx > WIDE_FOR_TREND ** 2 * yy ? xy / xx : 0;
  const rests = points.map(([x, y]) => y - meanY - slope * (x - meanX));
  const middle = mean(rests);
  return { slope, spread: Math.sqrt(mean(rests.map((rest) => (rest - middle) ** 2))) };
}

/** Where the pen turns upwards in characters that stand on the baseline; in all, if that is none. */
function lowPoints(strokes, text) {
  const characters = [...text];
  const [standing, all] = [[], []];
  for (const { points, characters: of } of strokes) {
    points.forEach((point, at) => {
      if (!isLowest(points, at)) return;
      all.push(point);
      if (!OFF_BASELINE.has(characters[of[at]])) standing.push(point);
    });
  }
  return standing.length ? standing : all;
}

function isLowest(points, at) {
  const y = points[at][1];
  for (let shift = 1; shift <= NEIGHBOURS; shift++) {
    if (points[at - shift]?.[1] <= y || points[at + shift]?.[1] < y) return false;
  }
  return true;
}

function densestBand(low, middle, height) {
  let best = { slope: middle, intercept: median(low.map(([x, y]) => y - middle * x)) };
  let highest = -1;
  const width = most(low.map(([x]) => x)) - least(low.map(([x]) => x));
  const reach = STEEPEST * (low.length > 3 ? Math.min(width / (50 * height), 1) : 0);
  for (let at = 0; at < SLOPES; at++) {
    const slope = middle - reach + (2 * reach * at) / (SLOPES - 1);
    const rest = low.map(([x, y]) => y - slope * x).sort((a, b) => a - b);
    let [fullest, first, stop] = [0, 0, 0];
    for (let start = 0; start < rest.length; start++) {
      while (stop < rest.length && rest[stop] <= rest[start] + height) stop++;
      if (stop - start > fullest) [fullest, first] = [stop - start, start];
    }
    const score = fullest - 1e-3 * Math.abs(slope);
    if (score > highest) {
      best = { slope, intercept: median(rest.slice(first, first + fullest)) };
      highest = score;
    }
  }
  return best;
}

function refined(low, first, spread) {
  let { slope, intercept } = first;
  const reach = BAND * spread;
  for (let round = 0; round < ROUNDS; round++) {
    const weights = low.map(([x, y]) =>
      Math.max(1 - ((y - intercept - slope * x) / reach) ** 2, 0) ** 2,
    );
    const total = sum(weights);
    if (total === 0) break;
    const weighted = (axis) => sum(low.map((point, at) => weights[at] * point[axis])) / total;
    const [meanX, meanY] = [weighted(0), weighted(1)];
    let [products, squares] = [first.slope * spread ** 2, spread ** 2];
    low.forEach(([x, y], at) => {
      products += weights[at] * (x - meanX) * (y - meanY);
      squares += weights[at] * (x - meanX) ** 2;
    });
    slope = products / squares;
    intercept = meanY - slope * meanX;
  }
  return { slope, intercept };
}

/** Height of the baseline at knots, all in x-heights. */
function wander(low, knots) {
  return knots.map((knot) => {
    const near = low.map(([x]) => Math.exp(-0.5 * ((x - knot) / WANDER_WIDTH) ** 2));
    let height = 0;
    for (let round = 0; round < ROUNDS; round++) {
      let [products, total] = [0, 1];
      low.forEach(([, y], at) => {
        const weight = near[at] * Math.max(1 - ((y - height) / WANDER_REACH) ** 2, 0) ** 2;
        products += weight * y;
        total += weight;
      });
      height = products / total;
    }
    return height;
  });
}
