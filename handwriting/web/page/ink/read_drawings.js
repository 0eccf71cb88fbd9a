// Free-hand strokes of Excalidraw, tldraw, Rnote and of Obsidian's notes with drawings, as
// handwriting/formats/ reads them. What is no stroke of a pen is left out.

import { bytesOfBase64 } from "./base64.js";
import { isObject, numberOf, parsedJson, pointsOf, textOf, turnedAndMoved } from "./json_values.js";
import { unpackedText } from "./lz_string.js";
import { stackedPages } from "./strokes.js";

const MOST_GROWTH = 50; // of a packed drawing
const MOST_DEEP = 32;
const [HALF, SINGLE] = [2, 4]; // bytes of floats

// --- Excalidraw ----------------------------------------------------------------------------------

/** Whether a JSON value is a drawing of Excalidraw. */
export const isExcalidraw = (value) =>
  isObject(value) && Array.isArray(value.elements) &&
  String(value.type ?? "excalidraw").startsWith("excalidraw");

/** The strokes of a drawing. */
export function excalidrawStrokes(value) {
  if (!isExcalidraw(value)) throw new Error("it is no drawing of Excalidraw");
  const isDrawn = (each) => isObject(each) && !each.isDeleted && each.type === "freedraw";
  return value.elements
    .filter((each) => isDrawn(each) && Array.isArray(each.points) && each.points.length)
    .map((element) => {
      const place = [numberOf(element.x), numberOf(element.y)];
      return turnedInBox(pointsOf(element.points), numberOf(element.angle))
        .map(([x, y]) => [x + place[0], y + place[1]]);
    });
}

/** Points turned about the middle of their box. */
function turnedInBox(points, angle) {
  if (!angle) return points;
  const middle = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]);
    return (values.reduce((a, b) => Math.min(a, b)) + values.reduce((a, b) => Math.max(a, b))) / 2;
  });
  const about = points.map(([x, y]) => [x - middle[0], y - middle[1]]);
  return turnedAndMoved(about, angle, middle);
}

// --- tldraw --------------------------------------------------------------------------------------

/** Whether a JSON value is a snapshot of tldraw, or has one. */
export const isTldraw = (value) => recordsOf(value) !== null;

/** The strokes of a snapshot, its pages one below the other. */
export function tldrawStrokes(value) {
  const records = recordsOf(value);
  if (!records) throw new Error("it is no drawing of tldraw");
  const shapes = new Map([...records].filter(([, { typeName }]) => typeName === "shape"));
  const pages = [...records]
    .filter(([, { typeName }]) => typeName === "page")
    .map(([id, { index }]) => [textOf(index), id])
    .sort(byTexts);
  return stackedPages(pages.map(([, id]) => pageStrokes(id, shapes)));
}

function recordsOf(value) {
  if (!isObject(value)) return null;
  let found = null;
  if (Array.isArray(value.records)) found = value.records;
  else if (isObject(value.store)) found = Object.values(value.store);
  if (!found) {
    const inside = ["raw", "tldraw", "document", "snapshot"].find((key) => isObject(value[key]));
    return inside ? recordsOf(value[inside]) : null;
  }
  const records = found.filter((each) => isObject(each) && each.typeName);
  return new Map(records.map((each) => [textOf(each.id), each]));
}

function pageStrokes(page, shapes) {
  const found = [];
  for (const shape of shapes.values()) {
    const chain = chainOf(shape, shapes);
    if (textOf(chain[chain.length - 1].parentId) !== page) continue;
    found.push({ order: chain.map(({ index }) => textOf(index)).reverse(), chain });
  }
  found.sort((one, other) => byTexts(one.order, other.order));
  return found.flatMap(({ chain }) => shapeStrokes(chain));
}

/** Order of lists of texts, by code points as in Python. */
function byTexts(one, other) {
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1;
  }
  return one.length - other.length;
}

/** A shape and those it is in, outwards. */
function chainOf(shape, shapes) {
  const chain = [shape];
  for (;;) {
    const outer = shapes.get(textOf(chain[chain.length - 1].parentId));
    if (!outer) return chain;
    if (chain.length > MOST_DEEP) throw new Error("its shapes are too deep inside each other");
    chain.push(outer);
  }
}

function shapeStrokes(chain) {
  if (chain[0].type !== "draw") return [];
  const properties = isObject(chain[0].props) ? chain[0].props : {};
  if (!Array.isArray(properties.segments)) throw new Error("a stroke of tldraw is a list of segments");
  let points = properties.segments.filter(isObject).flatMap(segmentPoints);
  if (!points.length) return [];
  const scale = [numberOf(properties.scaleX, 1), numberOf(properties.scaleY, 1)];
  points = points.map(([x, y]) => [x * scale[0], y * scale[1]]);
  for (const { rotation, x, y } of chain) {
    points = turnedAndMoved(points, numberOf(rotation), [numberOf(x), numberOf(y)]);
  }
  return [points];
}

function segmentPoints({ points, path, dim }) {
  if (Array.isArray(points) && points.every(isObject)) {
    return pointsOf(points.map(({ x, y }) => [x, y]));
  }
  if (typeof points === "string") return floatRows(bytesOfBase64(points), 3, HALF);
  if (typeof path === "string") return differences(bytesOfBase64(path), dim === 2 ? 2 : 3);
  throw new Error("a segment of tldraw is a list of points {x, y, z}, or has them in base64");
}

/** Points whose first is of 32-bit floats, and each other 16-bit differences from the one before. */
function differences(bytes, columns) {
  const head = SINGLE * columns;
  const [first] = floatRows(bytes.subarray(0, head), columns, SINGLE);
  if (!first) throw new Error("the points of a segment in base64 are cut off");
  let [x, y] = first;
  return [[x, y], ...floatRows(bytes.subarray(head), columns, HALF).map(([dx, dy]) => [x += dx, y += dy])];
}

function floatRows(bytes, columns, size) {
  if (bytes.length % (columns * size)) throw new Error("the points of a segment in base64 are cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const read = size === HALF ? (at) => halfFloat(view.getUint16(at, true)) : (at) => view.getFloat32(at, true);
  return Array.from({ length: bytes.length / (columns * size) }, (_, row) =>
    [0, 1].map((axis) => read((row * columns + axis) * size)),
  );
}

function halfFloat(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
}

// --- Obsidian's notes ----------------------------------------------------------------------------

/** The strokes of the drawings in a note in Markdown, one below the other. */
export function markdownStrokes(text) {
  const pages = [];
  // Blocks lie between fences: every second piece.
  text.split("```").forEach((block, at) => {
    const value = at % 2 ? blockValue(block, MOST_GROWTH * text.length) : null;
    if (isExcalidraw(value)) pages.push(excalidrawStrokes(value));
    else if (isTldraw(value)) pages.push(tldrawStrokes(value));
  });
  if (!pages.length) throw new Error("no drawing of Excalidraw or tldraw is in this note");
  return stackedPages(pages);
}

function blockValue(block, most) {
  const [, language, content] = /^([^\n]*)\n?([^]*)$/.exec(block);
  const [word] = language.trim().split(" ");
  if (word === "compressed-json") return parsedJson(unpackedText(content, most));
  if (word !== "json") return null;
  try {
    // Lines of tldraw's plugin about the JSON begin with !!!.
    return parsedJson(content.replace(/^!!!.*$/gm, ""));
  } catch {
    return null; // a block that shows something, and is no drawing
  }
}

// --- Rnote ---------------------------------------------------------------------------------------

const REPLACED = ["end", "lineto", "quadbezto", "cubbezto", "value"];

/** The strokes of a note, unpacked, in the order of the times beside them. */
export function rnoteStrokes(text) {
  const document = parsedJson(text);
  const slots = listNamed(document, "stroke_components");
  const times = listNamed(document, "chrono_components") ?? [];
  if (!slots) throw new Error("it is no note of Rnote up to 0.13; export it as Xournal++");
  const found = [];
  slots.forEach((slot, at) => {
    const [value, chrono] = [inside(slot), inside(times[at])];
    const path = isObject(value) && isObject(value.brushstroke) ? value.brushstroke.path : null;
    const isMarker = isObject(chrono) && chrono.layer === "highlighter";
    const points = path && !isMarker ? elementsOf(path).map(elementPoint) : [];
    if (points.length) found.push({ time: isObject(chrono) ? numberOf(chrono.t) : 0, points });
  });
  return found.sort((one, other) => one.time - other.time).map(({ points }) => points);
}

/** The first list of a name, however deep. */
function listNamed(value, name) {
  const waiting = [value];
  while (waiting.length) {
    const each = waiting.pop();
    if (isObject(each) && Array.isArray(each[name])) return each[name];
    if (isObject(each)) waiting.push(...Object.values(each).filter(isObject));
  }
  return null;
}

const inside = (slot) => (isObject(slot) && "value" in slot ? slot.value : slot);

function elementsOf(path) {
  if (Array.isArray(path)) return path;
  if (!isObject(path)) return [];
  const segments = path.segments ?? path.elements;
  return [...("start" in path ? [path.start] : []), ...(Array.isArray(segments) ? segments : [])];
}

function elementPoint(element) {
  let value = element;
  for (let depth = 0; depth < REPLACED.length && isObject(value) && !("pos" in value); depth++) {
    value = value[REPLACED.find((name) => name in value)];
  }
  if (!isObject(value)) throw new Error("a path is a start and segments, each to an element at a place");
  const [point] = pointsOf([value.pos]);
  return point;
}
