// Curves through the points of a stroke, for ink whose points lie far apart
// (handwriting/ink/curves.py): the centripetal Catmull-Rom spline (Catmull and Rom 1974; Lee 1989).

/**
 * A smooth curve through all points of a stroke, as points at most `spacing` apart.
 * @param {number[][]} points
 * @param {number} spacing
 * @returns {{points: number[][], owners: number[]}} owners: the point of the stroke that each
 *   belongs to, those between two to the later one
 */
export function curved(points, spacing) {
  const steps = points.slice(1).map(([x, y], at) => [x - points[at][0], y - points[at][1]]);
  const lengths = steps.map(([dx, dy]) => Math.hypot(dx, dy));
  const counts = lengths.map((length) => Math.max(Math.ceil(length / spacing), 1));
  const owners = [0, ...counts.flatMap((count, at) => new Array(count).fill(at + 1))];
  if (owners.length === points.length) return { points, owners };
  const spline = splineOf(points, lengths);
  const found = [points[0]];
  counts.forEach((count, at) => {
    for (let part = 1; part < count; part++) found.push(between(points, spline, at, part / count));
    found.push(points[at + 1]);
  });
  return { points: found, owners };
}

/** Knot and tangent of each point; null where too few of them are apart. */
function splineOf(points, lengths) {
  const moved = points.flatMap((_, at) => (at === 0 || lengths[at - 1] > 0 ? [at] : []));
  if (moved.length < 3) return null;
  const own = moved.map((at) => points[at]);
  const distinct = [0];
  for (let at = 1; at < own.length; at++) {
    const [dx, dy] = [own[at][0] - own[at - 1][0], own[at][1] - own[at - 1][1]];
    distinct.push(distinct[at - 1] + Math.sqrt(Math.hypot(dx, dy)));
  }
  const tangents = tangentsOf(own, distinct);
  let latest = -1;
  return points.map((_, at) => {
    if (moved[latest + 1] === at) latest++;
    return { knot: distinct[latest], tangent: tangents[latest] };
  });
}

/** Derivatives at the points: of the parabola through each and its neighbours. */
function tangentsOf(points, knots) {
  const steps = knots.slice(1).map((knot, at) => knot - knots[at]);
  const slopes = steps.map((step, at) =>
    [0, 1].map((axis) => (points[at + 1][axis] - points[at][axis]) / step),
  );
  const inner = slopes.slice(1).map((after, at) => {
    const total = steps[at] + steps[at + 1];
    return [0, 1].map((axis) => (slopes[at][axis] * steps[at + 1] + after[axis] * steps[at]) / total);
  });
  const end = (slope, near) => [0, 1].map((axis) => 2 * slope[axis] - near[axis]);
  const last = slopes.length - 1;
  return [end(slopes[0], inner[0]), ...inner, end(slopes[last], inner[inner.length - 1])];
}

function between(points, spline, at, t) {
  const [start, stop] = [points[at], points[at + 1]];
  if (!spline) return [0, 1].map((axis) => start[axis] + t * (stop[axis] - start[axis]));
  const length = spline[at + 1].knot - spline[at].knot;
  return [0, 1].map((axis) =>
    (1 + 2 * t) * (1 - t) ** 2 * start[axis] +
    t * (1 - t) ** 2 * length * spline[at].tangent[axis] +
    t ** 2 * (3 - 2 * t) * stop[axis] -
    t ** 2 * (1 - t) * length * spline[at + 1].tangent[axis],
  );
}
