// Points of strokes at even distances (handwriting/ink/resampling.py).

/** Whole numbers nearest to values, halves to even ones. */
export function roundHalfEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

/**
 * Points at equal distances along each stroke, both its ends among them.
 * @param {number[]} x
 * @param {number[]} y
 * @param {boolean[]} ends true on the last point of each stroke
 * @param {number} spacing
 * @param {number} least a stroke no longer than this is one point
 * @returns {{x: number[], y: number[], starts: boolean[], samples: number[]}} samples are places
 *   among the points given, 2.5 for halfway between 2 and 3
 */
export function resampleLine(x, y, ends, spacing, least) {
  const ways = [0];
  for (let at = 1; at < x.length; at++) {
    const step = ends[at - 1] ? 1 : Math.hypot(x[at] - x[at - 1], y[at] - y[at - 1]);
    ways.push(ways[at - 1] + step);
  }
  const found = { x: [], y: [], starts: [], samples: [] };
  let [first, place] = [0, 0];
  for (let last = 0; last < x.length; last++) {
    if (!ends[last] && last < x.length - 1) continue;
    const length = ways[last] - ways[first];
    const steps = length > least ? Math.max(roundHalfEven(length / spacing), 1) : 0;
    for (let step = 0; step <= steps; step++) {
      const wanted = step === steps ? ways[last] : ways[first] + (step * length) / steps;
      while (place + 1 < ways.length && ways[place + 1] <= wanted) place++;
      const width = place + 1 < ways.length ? ways[place + 1] - ways[place] : 1;
      const share = place + 1 < ways.length ? (wanted - ways[place]) / width : 0;
      const next = Math.min(place + 1, x.length - 1);
      found.x.push(x[place] + share * (x[next] - x[place]));
      found.y.push(y[place] + share * (y[next] - y[place]));
      found.starts.push(step === 0);
      found.samples.push(place + share);
    }
    first = last + 1;
  }
  return found;
}

/** The middles of equal parts of a stroke, at least spacing long each; a dot is one point. */
export function evenlyInked(stroke, spacing) {
  const ways = [0];
  for (let at = 1; at < stroke.length; at++) {
    const [dx, dy] = [stroke[at][0] - stroke[at - 1][0], stroke[at][1] - stroke[at - 1][1]];
    ways.push(ways[at - 1] + Math.hypot(dx, dy));
  }
  const length = ways[ways.length - 1];
  const number = Math.max(Math.floor(length / spacing), 1);
  let place = 0;
  return Array.from({ length: number }, (_, part) => {
    const wanted = ((part + 0.5) * length) / number;
    while (place + 2 < ways.length && ways[place + 1] <= wanted) place++;
    if (stroke.length === 1) return stroke[0];
    const width = ways[place + 1] - ways[place];
    const share = width > 0 ? (wanted - ways[place]) / width : 0;
    const [[x, y], [nextX, nextY]] = [stroke[place], stroke[place + 1]];
    return [x + share * (nextX - x), y + share * (nextY - y)];
  });
}
