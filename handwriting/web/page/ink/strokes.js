// Strokes as rows [end of stroke, dx, dy], as in Line.strokes (y upwards), and as lists of points.

/** Absolute points [[x, y], ...] of each stroke. */
export function pointsOfStrokes(rows) {
  const strokes = [];
  let [x, y] = [0, 0];
  let stroke = [];
  for (const [end, dx, dy] of rows) {
    x += dx;
    y += dy;
    stroke.push([x, y]);
    if (end > 0.5) {
      strokes.push(stroke);
      stroke = [];
    }
  }
  if (stroke.length) strokes.push(stroke);
  return strokes;
}

/**
 * Rows from the points of strokes; the first one's offset is (0, 0).
 * @param {number[][][]} strokes
 * @param {boolean} isDown whether the points' y grows downwards
 */
export function rowsOfPoints(strokes, isDown = false) {
  const rows = [];
  let before = null;
  const sign = isDown ? -1 : 1;
  for (const stroke of strokes) {
    stroke.forEach((point, at) => {
      const [dx, dy] = before ? [point[0] - before[0], sign * (point[1] - before[1])] : [0, 0];
      rows.push([at === stroke.length - 1 ? 1 : 0, dx, dy]);
      before = point;
    });
  }
  return rows;
}

/** {left, top, right, bottom} of points of strokes; null where there are none. */
export function boundsOf(strokes) {
  let box = null;
  for (const stroke of strokes) {
    for (const [x, y] of stroke) {
      if (!box) box = { left: x, top: y, right: x, bottom: y };
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
  }
  return box;
}

const PAGE_GAP = 0.5; // of a page's height

/** The strokes of pages, y downwards, each page below the one before. */
export function stackedPages(pages) {
  const stacked = [];
  let bottom = null;
  for (const strokes of pages) {
    const box = boundsOf(strokes);
    if (!box) continue;
    const shift = bottom === null ? 0 : bottom + PAGE_GAP * (box.bottom - box.top) - box.top;
    bottom = box.bottom + shift;
    stacked.push(...(shift ? strokes.map((stroke) => stroke.map(([x, y]) => [x, y + shift])) : strokes));
  }
  return stacked;
}
