// Ink in tables of text (CSV, TSV), a row a point (handwriting/formats/csv_reader.py): x, y and,
// where there are such, whether the pen is down or the number of the stroke, and the page. y grows
// downwards.

import { penRuns, splitWhere } from "./read_canvas.js";
import { stackedPages } from "./strokes.js";

const NAMES = {
  x: "x xpos posx positionx xposition xcoordinate coordx px xmm",
  y: "y ypos posy positiony yposition ycoordinate coordy py ymm",
  time: "t time timestamp ts timems tms times ms elapsed millis",
  stroke: "stroke strokeid strokenumber strokeno strokenr strokeindex sid",
  pen: "pen pendown penstate penstatus down isdown contact touch tip",
  end: "end endofstroke eos",
  up: "penup up isup lift",
  pressure: "p pressure force f z penpressure",
  page: "page pageid pagenumber pageno",
};
const BY_NAME = new Map(
  Object.entries(NAMES).flatMap(([column, names]) => names.split(" ").map((name) => [name, column])),
);
const PLAIN = [["x", "y"], ["x", "y", "time"], ["x", "y", "time", "pen"]];
const DELIMITERS = [";", "\t", ",", "|"];
const TRUTHS = new Map([["true", 1], ["down", 1], ["false", 0], ["up", 0]]);
// Columns that say whether something is so; of a table without names, the third and the fourth.
const STATES = new Set(["stroke", "pen", "end", "up", "2", "3"]);
const MISSING = new Set(["", "nan", "null", "none", "na"]);
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
const MOST_COLUMNS = 64;
// Share of points at which the pen is up that are ends of strokes; more are of its way in the air.
const MOST_LIFTS = 0.3;

/** The strokes of a table, its pages one below the other. */
export function tableStrokes(text) {
  const lines = text.split(/\r\n|[\n\r\v\f]/).filter((line) => line.trim());
  if (!lines.length) throw new Error("no row is in it");
  const delimiter = DELIMITERS.find((each) => lines[0].includes(each)) ?? null;
  const first = cellsOf(lines[0], delimiter);
  const names = header(first);
  const rows = names ? lines.slice(1) : lines;
  const wanted = names ?? first.map((_, at) => String(at));
  let columns = columnsOf(rows, delimiter, wanted, names ? 2 : 1);
  if (!names) columns = unnamed(columns);
  const { page, ...others } = columns;
  if (!page || !page.every(Number.isFinite)) return strokesOf(others);
  const pages = [...new Set(page)].sort((a, b) => a - b);
  return stackedPages(pages.map((number) => strokesOf(part(others, page, number))));
}

const part = (columns, page, number) => Object.fromEntries(
  Object.entries(columns).map(([name, values]) => [name, values.filter((_, at) => page[at] === number)]),
);

const unquoted = (text) => text.trim().replace(/^["']+|["']+$/g, "").trim();

function cellsOf(line, delimiter) {
  const cells = delimiter === null ? line.trim().split(/\s+/) : line.split(delimiter);
  return cells.map(unquoted);
}

/** The columns that a row names, "" for those that are not used; null for a row of numbers. */
function header(first) {
  if (first.every((cell) => numberIn(cell, ";") !== null)) return null;
  const found = first.map((cell) =>
    BY_NAME.get(cell.toLowerCase().replace(/[[(].*/, "").replace(/[^a-z]/g, "")) ?? "",
  );
  for (const column of ["x", "y"]) {
    if (!found.includes(column)) throw new Error(`no column ${column} is in its first row`);
  }
  return found.map((column, at) => (found.indexOf(column) < at ? "" : column));
}

function columnsOf(lines, delimiter, names, firstRow) {
  const wanted = names.flatMap((name, at) => (name ? [[name, at]] : []));
  if (wanted.length > MOST_COLUMNS) throw new Error(`a point has ${MOST_COLUMNS} columns at most`);
  const found = Object.fromEntries(wanted.map(([name]) => [name, []]));
  lines.forEach((line, row) => {
    const cells = cellsOf(line, delimiter);
    for (const [name, at] of wanted) {
      const value = at < cells.length ? valueOf(name, cells[at], delimiter) : NaN;
      if (value === null) throw new Error(`row ${row + firstRow}: ${name} is no number`);
      found[name].push(value);
    }
  });
  return lines.length ? found : {};
}

function valueOf(name, cell, delimiter) {
  const isTruth = TRUTHS.has(cell.toLowerCase());
  return isTruth && !STATES.has(name) ? null : numberIn(cell, delimiter);
}

/** The number in a cell, NaN where it is empty, null where it has something else. */
function numberIn(cell, delimiter) {
  const lower = cell.toLowerCase();
  if (MISSING.has(lower)) return NaN;
  if (TRUTHS.has(lower)) return TRUTHS.get(lower);
  const text = delimiter === ";" ? cell.replace(/,/g, ".") : cell;
  if (/^[-+]?inf(?:inity)?$/i.test(text)) return lower.startsWith("-") ? -Infinity : Infinity;
  return NUMBER.test(text) ? Number(text) : null;
}

/** The columns of a table without names. */
function unnamed(columns) {
  const found = Object.entries(columns).sort(([a], [b]) => Number(a) - Number(b)).map(([, each]) => each);
  const isPen = found.length === 3 && found[2].every((value) => value === 0 || value === 1);
  const names = isPen ? ["x", "y", "pen"] : PLAIN.find((each) => each.length === found.length);
  if (!names) {
    throw new Error(`${found.length} columns without names: they would be x, y, time and pen`);
  }
  return Object.fromEntries(names.map((name, at) => [name, found[at]]));
}

function strokesOf(columns) {
  const { x, y } = columns;
  if (!x || !y) throw new Error("no row of numbers is in it");
  const isThere = (at) => Number.isFinite(x[at]) && Number.isFinite(y[at]);
  return runsOf(columns, x.length)
    .map((run) => run.filter(isThere).map((at) => [x[at], y[at]]))
    .filter((stroke) => stroke.length);
}

/** Which points are in each stroke. */
function runsOf({ stroke, pen, end, up }, count) {
  const points = Array.from({ length: count }, (_, at) => at);
  if (stroke) {
    const numbers = stroke.map((value) => (Number.isNaN(value) ? -1 : value));
    const isDown = (at) => !pen || pen[at] > 0;
    const isStart = (at) => numbers[at] !== numbers[at - 1] || isDown(at) !== isDown(at - 1);
    return splitWhere(points, isStart).filter((run) => isDown(run[0]));
  }
  const ends = end ?? up;
  if (!pen && ends) {
    if (up && ends.filter((value) => value > 0).length > MOST_LIFTS * count) {
      return penRuns(ends.map((value) => (value <= 0 ? 1 : 0)), count);
    }
    return splitWhere(points, (at) => ends[at - 1] > 0);
  }
  return penRuns(pen ? pen.map((value) => (Number.isNaN(value) ? 0 : value)) : null, count);
}
