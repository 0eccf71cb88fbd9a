// Checks that readers of JSON share (handwriting/formats/ink_values.py): numbers are numbers.

const MOST_SHOWN = 40;

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** A text of a file, empty where it is none. */
export const textOf = (value) => (typeof value === "string" ? value : "");

/** A finite number, or the default where the value is none. */
export const numberOf = (value, otherwise = 0) => (Number.isFinite(value) ? value : otherwise);

/** Points [[x, y], ...] of rows of numbers, of which the first two are x and y. */
export function pointsOf(rows) {
  const isPoint = (row) => Array.isArray(row) && row.length >= 2 && row.every(Number.isFinite);
  if (!rows.every((row) => isPoint(row) && row.length === rows[0].length)) {
    throw new Error("a stroke is a list of points of numbers, x and y");
  }
  return rows.map(([x, y]) => [x, y]);
}

/** The value of a JSON text. */
export function parsedJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("it is no JSON");
  }
}

/** The kind of a JSON value, as messages name it. */
export function named(value) {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number") return `the number ${String(value).slice(0, MOST_SHOWN)}`;
  return { object: "an object", string: "a text", boolean: "a truth" }[typeof value];
}

/** Strokes turned by an angle about the origin, then moved. */
export function turnedAndMoved(points, angle, [left, top]) {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  return points.map(([x, y]) => [x * cosine - y * sine + left, x * sine + y * cosine + top]);
}
