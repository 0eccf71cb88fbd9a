// Path data and transforms of SVG 1.1 as points.

const ARGUMENTS = { m: 2, l: 2, h: 1, v: 1, c: 6, s: 4, q: 4, t: 2, a: 7, z: 0 };
const TOLERANCE = 0.01; // of a curve's size
const NUMBER = /[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y;

/**
 * The strokes of path data, one from each move of the pen to the next.
 * @param {string} data
 * @returns {number[][][]} points
 * @throws {Error} it cannot be read
 */
export function pathStrokes(data) {
  const pen = { strokes: [], stroke: null, at: [0, 0], start: [0, 0], control: null, before: "" };
  for (const [command, values] of commandsOf(data)) {
    step(pen, command, values);
    pen.before = command.toLowerCase();
  }
  return pen.strokes.filter((stroke) => stroke.length > 1);
}

function* commandsOf(data) {
  let command = null;
  let place = 0;
  const skip = () => {
    while (/[\s,]/.test(data[place] ?? "")) place++;
  };
  for (skip(); place < data.length; skip()) {
    if (/[a-zA-Z]/.test(data[place])) command = data[place++];
    else if (command === null || /z/i.test(command)) throw new Error("the path has no command");
    const count = ARGUMENTS[command.toLowerCase()];
    if (count === undefined) throw new Error(`the path has the command ${command}`);
    const values = [];
    while (values.length < count) {
      skip();
      const isFlag = /a/i.test(command) && (values.length === 3 || values.length === 4);
      NUMBER.lastIndex = place;
      const found = isFlag && /[01]/.test(data[place]) ? [data[place]] : NUMBER.exec(data);
      if (!found) throw new Error("the path has something that is no number");
      values.push(Number(found[0]));
      place += found[0].length;
    }
    yield [command, values];
    if (command === "m") command = "l";
    if (command === "M") command = "L";
  }
}

function step(pen, command, values) {
  const kind = command.toLowerCase();
  const [x, y] = command === kind ? pen.at : [0, 0];
  const point = (at) => [x + values[at], y + values[at + 1]];
  const mirrored = (kinds) =>
    kinds.includes(pen.before) && pen.control
      ? [2 * pen.at[0] - pen.control[0], 2 * pen.at[1] - pen.control[1]]
      : pen.at;
  if (kind === "m") {
    pen.at = pen.start = point(0);
    pen.stroke = null;
  } else if (kind === "z") lineTo(pen, pen.start);
  else if (kind === "l") lineTo(pen, point(0));
  else if (kind === "h") lineTo(pen, [x + values[0], pen.at[1]]);
  else if (kind === "v") lineTo(pen, [pen.at[0], y + values[0]]);
  else if (kind === "c") curveTo(pen, [point(0), point(2), point(4)]);
  else if (kind === "s") curveTo(pen, [mirrored(["c", "s"]), point(0), point(2)]);
  else if (kind === "q") curveTo(pen, [point(0), point(2)]);
  else if (kind === "t") curveTo(pen, [mirrored(["q", "t"]), point(0)]);
  else arcTo(pen, values.slice(0, 5), point(5));
}

function lineTo(pen, point) {
  if (!pen.stroke) pen.strokes.push((pen.stroke = [pen.at]));
  pen.stroke.push(point);
  pen.at = point;
}

function curveTo(pen, others) {
  const controls = [pen.at, ...others];
  const count = chordsOf(controls);
  for (let at = 1; at <= count; at++) lineTo(pen, bezier(controls, at / count));
  pen.control = controls[controls.length - 2];
}

/** Chords of equal parameter that are away from the curve by no more than TOLERANCE of its size. */
function chordsOf(controls) {
  const [x, y] = [0, 1].map((axis) => controls.map((point) => point[axis]));
  const size = Math.max(Math.max(...x) - Math.min(...x), Math.max(...y) - Math.min(...y));
  const degree = controls.length - 1;
  const bends = [x, y].flatMap((values) =>
    values.slice(2).map((value, at) => Math.abs(value - 2 * values[at + 1] + values[at])),
  );
  const bend = degree * (degree - 1) * Math.max(...bends);
  return size > 0 ? Math.max(Math.ceil(Math.sqrt(bend / (8 * TOLERANCE * size))), 1) : 1;
}

function bezier(controls, t) {
  let points = controls;
  while (points.length > 1) {
    points = points.slice(1).map(([x, y], at) => [
      points[at][0] + t * (x - points[at][0]), points[at][1] + t * (y - points[at][1]),
    ]);
  }
  return points[0];
}

/** An elliptical arc (SVG 1.1, appendix F.6). */
function arcTo(pen, [givenX, givenY, degrees, isLarge, isSweep], end) {
  const [[x1, y1], [x2, y2]] = [pen.at, end];
  const [cosine, sine] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [halfX, halfY] = [(x1 - x2) / 2, (y1 - y2) / 2];
  const [x, y] = [cosine * halfX + sine * halfY, cosine * halfY - sine * halfX];
  let [rx, ry] = [Math.abs(givenX), Math.abs(givenY)];
  if (!rx || !ry || (!x && !y)) {
    lineTo(pen, end);
    return;
  }
  const excess = Math.sqrt((x / rx) ** 2 + (y / ry) ** 2);
  if (excess > 1) [rx, ry] = [rx * excess, ry * excess];
  const of = (rx * y) ** 2 + (ry * x) ** 2;
  const root = Math.sqrt(Math.max(((rx * ry) ** 2 - of) / of, 0)) * (isLarge === isSweep ? -1 : 1);
  const [centreX, centreY] = [(root * rx * y) / ry, (-root * ry * x) / rx];
  const first = Math.atan2((y - centreY) / ry, (x - centreX) / rx);
  let turn = Math.atan2((-y - centreY) / ry, (-x - centreX) / rx) - first;
  if (isSweep && turn < 0) turn += 2 * Math.PI;
  if (!isSweep && turn > 0) turn -= 2 * Math.PI;
  const count = Math.max(Math.ceil(Math.abs(turn) / 0.2), 1);
  for (let at = 1; at < count; at++) {
    const angle = first + (turn * at) / count;
    const [u, v] = [centreX + rx * Math.cos(angle), centreY + ry * Math.sin(angle)];
    lineTo(pen, [cosine * u - sine * v + (x1 + x2) / 2, sine * u + cosine * v + (y1 + y2) / 2]);
  }
  lineTo(pen, end);
}

/** The matrix [a, b, c, d, e, f] of a transform list. */
export function transformOf(text) {
  let matrix = [1, 0, 0, 1, 0, 0];
  for (const [, name, list] of text.matchAll(/(\w+)\s*\(([^)]*)\)/g)) {
    const values = list.split(/[\s,]+/).filter(Boolean).map(Number);
    if (!values.every(Number.isFinite)) throw new Error("a transform cannot be read");
    matrix = times(matrix, matrixOf(name, values));
  }
  return matrix;
}

function matrixOf(name, values) {
  const radians = ((values[0] ?? 0) * Math.PI) / 180;
  const [cosine, sine] = [Math.cos(radians), Math.sin(radians)];
  const [a = 0, b] = values;
  if (name === "matrix" && values.length === 6) return values;
  if (name === "translate") return [1, 0, 0, 1, a, b ?? 0];
  if (name === "scale") return [a, 0, 0, b ?? a, 0, 0];
  if (name === "skewX") return [1, 0, Math.tan(radians), 1, 0, 0];
  if (name === "skewY") return [1, Math.tan(radians), 0, 1, 0, 0];
  if (name !== "rotate") throw new Error("a transform cannot be read");
  const [x, y] = [values[1] ?? 0, values[2] ?? 0];
  const turned = times([1, 0, 0, 1, x, y], [cosine, sine, -sine, cosine, 0, 0]);
  return times(turned, [1, 0, 0, 1, -x, -y]);
}

export function times([a, b, c, d, e, f], [g, h, i, j, k, l]) {
  return [
    a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * l + e, b * k + d * l + f,
  ];
}

export const moved = ([a, b, c, d, e, f], [x, y]) => [a * x + c * y + e, b * x + d * y + f];
