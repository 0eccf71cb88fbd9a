// Pages between threads: their points in one array a page, which is handed over without a copy, and
// made into strokes where a page is painted or written to a file.

/**
 * @param {import("./layout.js").Page} page
 * @returns {object} with `points`, a Float32Array whose buffer can be transferred
 */
export function packPage({ lines, ...page }) {
  const count = lines.reduce((sum, { strokes }) => sum + countOf(strokes), 0);
  const points = new Float32Array(2 * count);
  let at = 0;
  for (const { strokes } of lines) {
    for (const stroke of strokes) {
      for (const [x, y] of stroke) {
        points[at++] = x;
        points[at++] = y;
      }
    }
  }
  const packed = lines.map(({ text, baseline, strokes, pens }) => ({
    text, baseline, pens, counts: Uint32Array.from(strokes, (stroke) => stroke.length),
  }));
  return { ...page, lines: packed, points };
}

/** A page whose lines' strokes are made when they are asked for. */
export function unpackPage({ lines, points, ...page }) {
  let start = 0;
  const unpacked = lines.map((packed) => {
    const line = new PackedLine(packed, points, start);
    start += line.numPoints;
    return line;
  });
  return { ...page, lines: unpacked, points };
}

let latest = { line: null, strokes: [] }; // of the line that was asked for last

class PackedLine {
  #counts;
  #points;
  #start;

  constructor({ text, baseline, counts, pens }, points, start) {
    Object.assign(this, { text, baseline, pens });
    this.numPoints = counts.reduce((sum, count) => sum + count, 0);
    this.#counts = counts;
    this.#points = points;
    this.#start = start;
  }

  get strokes() {
    if (latest.line !== this) latest = { line: this, strokes: this.#unpacked() };
    return latest.strokes;
  }

  #unpacked() {
    let at = 2 * this.#start;
    return Array.from(this.#counts, (count) =>
      Array.from({ length: count }, () => [this.#points[at++], this.#points[at++]]),
    );
  }

  /** Number of points, first and last point of each stroke. */
  *ends() {
    const point = (at) => [this.#points[2 * at], this.#points[2 * at + 1]];
    let at = this.#start;
    for (const count of this.#counts) {
      yield { count, first: point(at), last: point(at + count - 1) };
      at += count;
    }
  }

  get counts() {
    return this.#counts;
  }
}

/** A page as it was packed, to be sent on. */
export function packedAgain({ lines, points, ...page }) {
  const packed = lines.map(({ text, baseline, pens, counts }) => ({ text, baseline, pens, counts }));
  return { ...page, points, lines: packed };
}

/** Points of a page's lines. */
export function countPoints({ lines }) {
  return lines.reduce((sum, line) => sum + (line.numPoints ?? countOf(line.strokes)), 0);
}

function countOf(strokes) {
  return strokes.reduce((sum, stroke) => sum + stroke.length, 0);
}
