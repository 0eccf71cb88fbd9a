// UNIPEN files (handwriting/formats/unipen_reader.py): components of ink, and the segments that say
// which of them are which text. Files that they include are not read.

const MOST_COLUMNS = 32;
const LARGEST_COORDINATE = 1e9;
const MOST_TIMES_NAMED = 16;
const LEVELS = [
  "PAGE", "PARAGRAPH", "TEXT", "SENTENCE", "LINE", "PHRASE", "WORD", "CHARACTER", "DIGIT",
];
const SPAN = /^(\d{1,9})(?::(\d{1,9}))?(?:-(\d{1,9})(?::(\d{1,9}))?)?$/;
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;

/**
 * The segments of the longest level there is, with their texts; or all ink as one line.
 * @param {string} text
 * @returns {{text: string, strokes: number[][][]}[]} y downwards
 */
export function unipenLines(text) {
  const ink = inkOf(statementsOf(text));
  const levels = ink.segments.map(({ level }) => level);
  const longest = [...ink.hierarchy, ...LEVELS, ...levels].find((level) => levels.includes(level));
  if (longest === undefined) {
    const strokes = ink.components.filter(({ isDown }) => isDown).map(({ points }) => points);
    if (!strokes.length) throw new Error("no .PEN_DOWN with a point is in it");
    return [{ text: "", strokes }];
  }
  const allowance = { left: MOST_TIMES_NAMED * sizeOf(ink.components) };
  return ink.segments
    .filter(({ level }) => level === longest)
    .map((segment) => ({ text: segment.label, strokes: strokesOf(segment, ink, allowance) }));
}

const sizeOf = (components) => components.reduce((sum, { points }) => sum + 1 + points.length, 0);

/** Statements {keyword, text, line}; what stands before the first keyword is none. */
function statementsOf(text) {
  const plain = text.replace(/\r\n?/g, "\n");
  const keywords = [...plain.matchAll(/^\.([A-Z][A-Z0-9_]*)/gm)];
  let [line, counted] = [1, 0];
  return keywords.map((found, at) => {
    line += plain.slice(counted, found.index).split("\n").length - 1;
    counted = found.index;
    const end = keywords[at + 1]?.index ?? plain.length;
    return { keyword: found[1], text: plain.slice(found.index + found[0].length, end), line };
  });
}

function inkOf(statements) {
  const ink = { components: [], segments: [], hierarchy: [] };
  let columns = { count: 2, x: 0, y: 1 };
  let component = null;
  const close = () => {
    if (component?.points.length) ink.components.push(component);
    component = null;
  };
  for (const statement of statements) {
    const { keyword, text } = statement;
    if (keyword === "PEN_DOWN" || keyword === "PEN_UP") {
      close();
      component = { isDown: keyword === "PEN_DOWN", points: rowsOf(statement, text, columns) };
    } else if (keyword === "DT") {
      // A time that passes; points below it go on with the component before it.
      const rows = rowsOf(statement, text.slice((text.indexOf("\n") + 1) || text.length), columns);
      component?.points.push(...rows);
    } else if (keyword === "COORD") {
      columns = columnsOf(statement);
    } else if (keyword === "SEGMENT") {
      close();
      addSegment(ink, statement);
    } else if (keyword === "HIERARCHY") {
      ink.hierarchy = wordsOf(text);
    }
  }
  close();
  return ink;
}

const wordsOf = (text) => text.split(/\s+/).filter(Boolean);

/** Points [x, y] of a text of numbers, a row a point; y downwards. */
function rowsOf({ line }, text, { count, x, y }) {
  const words = wordsOf(text);
  const bad = words.find((word) => !NUMBER.test(word));
  if (bad !== undefined) throw new Error(`line ${line}: “${bad.slice(0, 40)}” is not a number`);
  const rows = text.split("\n").filter((row) => row.trim()).length;
  if (words.length % count || (rows > 1 && words.length !== rows * count)) {
    throw new Error(`line ${line}: ${words.length} numbers in ${rows} rows of points of ${count}`);
  }
  return Array.from({ length: words.length / count }, (_, row) => {
    const point = [Number(words[row * count + x]), -Number(words[row * count + y])];
    if (point.some((value) => !(Math.abs(value) <= LARGEST_COORDINATE))) {
      throw new Error(`line ${line}: a coordinate is too large`);
    }
    return point;
  });
}

function columnsOf({ line, text }) {
  const names = wordsOf(text);
  const [x, y] = [names.indexOf("X"), names.indexOf("Y")];
  if (x < 0 || y < 0 || names.length > MOST_COLUMNS) {
    throw new Error(`line ${line}: .COORD must name X and Y`);
  }
  return { count: names.length, x, y };
}

/** Takes in .SEGMENT LEVEL [SPANS] [QUALITY] ["LABEL"]. */
function addSegment(ink, { line, text }) {
  const quote = text.indexOf('"');
  const [before, rest] = quote < 0 ? [text, null] : [text.slice(0, quote), text.slice(quote + 1)];
  const [level, ...words] = wordsOf(before);
  if (level === undefined) throw new Error(`line ${line}: the segment has no level`);
  if (rest !== null && !rest.includes('"')) throw new Error(`line ${line}: the label has no end`);
  const other = words.findIndex((word) => !/^[\d:,-]+$/.test(word));
  const label = rest === null ? "" : rest.slice(0, rest.lastIndexOf('"')).replace(/\\(.)/g, "$1");
  if (ink.segments.length) ink.segments[ink.segments.length - 1].end = ink.components.length;
  ink.segments.push({
    level, line, label: wordsOf(label).join(" "), start: ink.components.length, end: null,
    spans: (other < 0 ? words : words.slice(0, other)).join(""),
  });
}

/** The strokes of a segment, in the segment's order. */
function strokesOf(segment, { components }, allowance) {
  const strokes = [];
  for (const { first, start, last, stop } of spansOf(segment, components)) {
    for (let number = first; number <= last; number++) {
      const { points, isDown } = components[number];
      const part = points.slice(number === first ? start : 0, number === last ? stop : undefined);
      allowance.left -= 1 + part.length;
      if (allowance.left < 0) throw new Error("its segments name the same ink over and over");
      if (isDown && part.length) strokes.push(part);
    }
  }
  if (!strokes.length) throw new Error(`line ${segment.line}: the segment has no ink`);
  return strokes;
}

function spansOf({ line, spans, start, end }, components) {
  const found = spans
    ? spans.split(",").filter(Boolean).map((text) => spanOf(text, line))
    : [{ first: start, start: 0, last: (end ?? components.length) - 1, stop: undefined }];
  for (const { first, last } of found) {
    if (first > last || last >= components.length) {
      throw new Error(`line ${line}: components ${first} to ${last} of ${components.length} are named`);
    }
  }
  return found;
}

function spanOf(text, line) {
  const found = SPAN.exec(text);
  if (!found) throw new Error(`line ${line}: “${text.slice(0, 40)}” names no components`);
  const [, first, start, last, stop] = found;
  const end = last === undefined ? start : stop;
  return {
    first: Number(first), start: Number(start ?? 0), last: Number(last ?? first),
    stop: end === undefined ? undefined : Number(end) + 1,
  };
}
