// Files of ink, as handwriting/formats/ reads them. A file is untrusted: it is parsed as XML, JSON or
// text, never put into the page.

import { isObject, parsedJson } from "./json_values.js";
import { canvasInk } from "./read_canvas.js";
import {
  excalidrawStrokes, isExcalidraw, isTldraw, markdownStrokes, rnoteStrokes, tldrawStrokes,
} from "./read_drawings.js";
import { npyRows } from "./read_npy.js";
import { tableStrokes } from "./read_table.js";
import { unipenLines } from "./read_unipen.js";
import { pointsOfStrokes } from "./strokes.js";
import { moved, pathStrokes, times, transformOf } from "./svg_path.js";

const alone = (read) => (text) => [{ text: "", strokes: read(text) }];
/** What reads the text of a file, by its suffix; .npy is no text. */
const READERS = {
  ".inkml": readInkml, ".svg": readSvg, ".json": readJson, ".xopp": readXopp, ".xoj": readXopp,
  ".excalidraw": alone((text) => excalidrawStrokes(parsedJson(text))),
  ".tldr": alone((text) => tldrawStrokes(parsedJson(text))), ".md": alone(markdownStrokes),
  ".rnote": alone(rnoteStrokes), ".csv": alone(tableStrokes), ".tsv": alone(tableStrokes),
  ".dat": unipenLines,
};
const PACKED = new Set([".xopp", ".xoj", ".rnote"]);
export const READ_SUFFIXES = [...Object.keys(READERS), ".npy"];
const MOST_BYTES = 50_000_000;
const MOST_POINTS = 500_000;
const TEXTS = ["transcription", "truth", "label", "normalizedlabel", "text"];
const JOINT = 1e-9;
const HIDDEN = /display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)/;
const NOT_DRAWN = new Set([
  "defs", "clipPath", "mask", "symbol", "marker", "pattern", "metadata", "style", "script", "text",
  "title", "desc", "image", "foreignObject", "use",
]);

/** @typedef {{text: string, strokes: number[][][]}} InkLine points, y downwards; text may be "" */

/**
 * The lines in a file.
 * @param {File} file
 * @returns {Promise<InkLine[]>} at least one with ink; ink without a text is one line
 * @throws {Error} one line that says what is wrong with it
 */
export async function readInkFile(file) {
  const suffix = /\.[^.]*$/.exec(file.name.toLowerCase())?.[0] ?? "";
  const fault = (message) => new Error(`${file.name}: ${message}`);
  if (!READ_SUFFIXES.includes(suffix)) throw fault(`ink is read from ${READ_SUFFIXES.join(", ")}`);
  if (file.size > MOST_BYTES) throw fault("is larger than 50 MB");
  try {
    const bytes = await file.arrayBuffer();
    if (suffix === ".npy") return checked([ofRows(npyRows(bytes), "")]);
    return checked(READERS[suffix](await textIn(bytes, suffix)));
  } catch (error) {
    throw fault(error.message);
  }
}

function checked(lines) {
  const inked = lines.filter(({ strokes }) => strokes.length);
  if (!inked.length) throw new Error("no ink is in it");
  const points = inked.flatMap(({ strokes }) => strokes.flat());
  if (points.length > MOST_POINTS) throw new Error(`it has more than ${MOST_POINTS} points`);
  if (!points.every((point) => point.length >= 2 && point.every(Number.isFinite))) {
    throw new Error("a coordinate is no finite number");
  }
  if (points.some(([x, y]) => Math.max(Math.abs(x), Math.abs(y)) > 1e30)) {
    throw new Error("a coordinate is too large");
  }
  return inked;
}

/** A file's text: unpacked, or as the files of 1994 have it. */
async function textIn(bytes, suffix) {
  if (PACKED.has(suffix)) return unpacked(bytes);
  try {
    return utf8(bytes);
  } catch (error) {
    if (suffix === ".dat") return new TextDecoder("latin1").decode(bytes);
    throw error;
  }
}

function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("it is no text in UTF-8");
  }
}

async function unpacked(bytes) {
  const isPacked = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength)).join() === "31,139";
  if (!isPacked) return utf8(bytes);
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser cannot unpack it; save it without compression");
  }
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Error("its compression is broken");
    });
    if (done) break;
    parts.push(value);
    size += value.length;
    if (size > MOST_BYTES) throw new Error("unpacked it is larger than 50 MB");
  }
  return utf8(await new Blob(parts).arrayBuffer());
}

function xmlOf(text, name) {
  if (/<!DOCTYPE[^>]*\[/i.test(text)) throw new Error("its XML declares entities");
  const document = new DOMParser().parseFromString(text, "application/xml");
  if (document.getElementsByTagName("parsererror").length) throw new Error("it is broken XML");
  const root = document.documentElement;
  if (root.localName !== name) throw new Error(`its root is <${root.localName}>, not <${name}>`);
  return root;
}

const everything = (node, name) => [...node.getElementsByTagNameNS("*", name)];
const childrenOf = (node, name) => [...node.children].filter((each) => each.localName === name);
const plain = (text) => text.split(/\s+/).filter(Boolean).join(" ");

// --- InkML ---------------------------------------------------------------------------------------

export function readInkml(text) {
  const root = xmlOf(text, "ink");
  const layoutOf = traceLayouts(root);
  return inksOf(root).map((ink) => ({ text: annotationOf(ink), strokes: inkmlStrokes(ink, layoutOf) }));
}

function annotationOf(node) {
  const found = new Map(
    childrenOf(node, "annotation")
      .reverse()
      .map((each) => [(each.getAttribute("type") ?? "").toLowerCase(), plain(each.textContent)]),
  );
  return TEXTS.map((kind) => found.get(kind)).find(Boolean) ?? "";
}

function inksOf(root) {
  if (annotationOf(root)) return [root];
  const groups = [];
  const waiting = [root];
  while (waiting.length) {
    const node = waiting.pop();
    if (annotationOf(node)) groups.push(node);
    else waiting.push(...childrenOf(node, "traceGroup").reverse());
  }
  return groups.length ? groups : [root];
}

function inkmlStrokes(ink, layoutOf) {
  const strokes = [];
  for (const trace of everything(ink, "trace")) {
    if (trace.closest("definitions") || trace.getAttribute("type") === "penUp") continue;
    const points = tracePoints(trace.textContent, layoutOf(trace));
    const continues = ["middle", "end"].includes(trace.getAttribute("continuation"));
    if (continues && strokes.length) strokes[strokes.length - 1].push(...points);
    else if (points.length) strokes.push(points);
  }
  return strokes;
}

/** The places of X and Y in a trace's points: of the context that it or a group around it names,
 * else of the first format that the document has. */
function traceLayouts(root) {
  const ids = new Map();
  for (const node of root.getElementsByTagName("*")) {
    const id = node.getAttribute("xml:id") ?? node.getAttribute("id");
    if (id) ids.set(id, node);
  }
  const named = (node, name) => ids.get((node.getAttribute(name) ?? "").replace(/^#/, ""));
  const formatOf = (context, depth = 0) => {
    if (!context || depth > 8) return null;
    const sources = [context, named(context, "traceFormatRef"), named(context, "inkSourceRef")];
    for (const source of sources.filter(Boolean)) {
      if (source.localName === "traceFormat") return source;
      const inside = everything(source, "traceFormat")[0];
      if (inside) return inside;
    }
    return formatOf(named(context, "contextRef"), depth + 1);
  };
  const first = everything(root, "traceFormat")[0] ?? null;
  return (trace) => {
    for (let node = trace; node; node = node.parentElement) {
      const format = formatOf(named(node, "contextRef"));
      if (format) return layoutIn(format);
    }
    return first ? layoutIn(first) : { x: 0, y: 1, signs: [1, 1] };
  };
}

function layoutIn(format) {
  const channels = everything(format, "channel");
  const place = (name) => channels.findIndex((channel) => channel.getAttribute("name") === name);
  if (!channels.length) return { x: 0, y: 1, signs: [1, 1] };
  const [x, y] = [place("X"), place("Y")];
  if (x < 0 || y < 0) throw new Error("a trace format has no channels X and Y");
  const sign = (at) => (channels[at].getAttribute("orientation") === "-ve" ? -1 : 1);
  return { x, y, signs: [sign(x), sign(y)] };
}

/** Points of a trace: explicit values, or first (') and second (") differences. */
function tracePoints(text, { x, y, signs }) {
  const channels = [x, y].map(() => ({ mark: "!", value: null, first: 0, second: 0 }));
  const parts = text.split(",");
  if (!parts[parts.length - 1].trim()) parts.pop();
  return parts.map((part) => {
    const values = [...part.matchAll(/([!'"]?)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[TF*?]|[-+]?#[0-9A-Fa-f]+)/g)];
    return [x, y].map((at, axis) => {
      if (!values[at]) throw new Error("a trace's point has too few values");
      return signs[axis] * nextValue(channels[axis], values[at][1], values[at][2]);
    });
  });
}

function nextValue(channel, mark, text) {
  channel.mark = mark || channel.mark;
  const { value: before, first: firstBefore } = channel;
  const isHex = text.includes("#");
  const number = isHex ? parseInt(text.replace("#", ""), 16) : Number(text);
  const repeats = text === "*";
  if (!repeats && !Number.isFinite(number)) throw new Error("x and y must be numbers");
  if (before === null && (channel.mark !== "!" || repeats)) {
    throw new Error("a trace's first point must be explicit");
  }
  if (channel.mark === "!") channel.value = repeats ? before : number;
  else if (channel.mark === "'") channel.value = before + (repeats ? channel.first : number);
  else channel.value = before + channel.first + (repeats ? channel.second : number);
  if (before !== null) {
    channel.first = channel.value - before;
    channel.second = channel.first - firstBefore;
  }
  return channel.value;
}

// --- SVG -----------------------------------------------------------------------------------------

export function readSvg(text) {
  const root = xmlOf(text, "svg");
  const page = root.querySelector('[id="ink"]');
  const groups = page ? childrenOf(page, "g").filter((group) => childrenOf(group, "title").length) : [];
  const parts = groups.length ? groups : [root];
  return parts.map((part) => ({
    text: part === root ? "" : plain(childrenOf(part, "title")[0].textContent),
    strokes: joinedStrokes(drawnStrokes(part)),
  }));
}

function drawnStrokes(root) {
  let around = [1, 0, 0, 1, 0, 0];
  for (let node = root.parentElement; node; node = node.parentElement) {
    around = times(transformOf(node.getAttribute("transform") ?? ""), around);
  }
  const found = [];
  const waiting = [[root, around]];
  while (waiting.length) {
    const [node, outer] = waiting.pop();
    if (NOT_DRAWN.has(node.localName) || node.getAttribute("id") === "rules" || isHidden(node)) continue;
    const matrix = times(outer, transformOf(node.getAttribute("transform") ?? ""));
    for (const stroke of shapeStrokes(node)) found.push(stroke.map((point) => moved(matrix, point)));
    waiting.push(...[...node.children].reverse().map((child) => [child, matrix]));
  }
  return found;
}

function isHidden(node) {
  const of = (name) => `${name}:${node.getAttribute(name) ?? ""}`;
  return HIDDEN.test([of("display"), of("visibility"), node.getAttribute("style") ?? ""].join(";"));
}

function shapeStrokes(node) {
  const number = (name) => parseFloat(node.getAttribute(name) ?? "0");
  const points = (node.getAttribute("points") ?? "").trim();
  switch (node.localName) {
    case "path": return pathStrokes(node.getAttribute("d") ?? "");
    case "polyline": return points ? pathStrokes(`M${points}`) : [];
    case "polygon": return points ? pathStrokes(`M${points}z`) : [];
    case "line": return [[[number("x1"), number("y1")], [number("x2"), number("y2")]]];
    case "circle":
    case "ellipse": return [[[number("cx"), number("cy")]]];
    default: return [];
  }
}

/** Strokes of which none starts where the one before ends. */
function joinedStrokes(strokes) {
  const points = strokes.flat();
  const size = Math.max(...[0, 1].map((axis) => {
    const values = points.map((point) => point[axis]);
    return values.reduce((a, b) => Math.max(a, b), -Infinity) -
      values.reduce((a, b) => Math.min(a, b), Infinity);
  }));
  const joined = [];
  for (const stroke of strokes) {
    const last = joined[joined.length - 1];
    const end = last?.[last.length - 1];
    const gap = end ? Math.max(Math.abs(stroke[0][0] - end[0]), Math.abs(stroke[0][1] - end[1])) : 1e9;
    const isDot = stroke.every(([x, y]) => x === stroke[0][0] && y === stroke[0][1]);
    if (gap <= JOINT * size && !isDot) last.push(...stroke.slice(1));
    else joined.push([...stroke]);
  }
  return joined;
}

// --- JSON ----------------------------------------------------------------------------------------

export function readJson(text) {
  const document = parsedJson(text);
  if (isExcalidraw(document)) return [{ text: "", strokes: excalidrawStrokes(document) }];
  if (isTldraw(document)) return [{ text: "", strokes: tldrawStrokes(document) }];
  if (isObject(document) && Array.isArray(document.pages)) return document.pages.flatMap(linesOfPage);
  const [rows, own] = Array.isArray(document) ? [document, ""] : [document?.strokes, document?.text];
  return [areRows(rows) ? ofRows(rows, own) : canvasInk(document)];
}

/** Whether a value is to be rows as in Line.strokes: its first is a list of what is no list and no
 * object. */
const areRows = (rows) =>
  Array.isArray(rows) && Array.isArray(rows[0]) &&
  !rows[0].some((each) => Array.isArray(each) || isObject(each));

function linesOfPage(page) {
  if (!Array.isArray(page?.lines)) throw new Error("its pages have no lines");
  return page.lines.map(({ text, strokes }) => {
    const isGood = Array.isArray(strokes) && strokes.every((stroke) =>
      Array.isArray(stroke) && stroke.length && stroke.every((point) => isNumbers(point, 2)),
    );
    if (!isGood) throw new Error("a stroke is no list of points [x, y]");
    return { text: typeof text === "string" ? plain(text) : "", strokes };
  });
}

function ofRows(rows, text) {
  const isGood = rows.length > 1 && rows.every((row) => isNumbers(row, 3) && [0, 1].includes(row[0]));
  if (!isGood) throw new Error("its strokes are not [[end_of_stroke, dx, dy], ...]");
  const strokes = pointsOfStrokes(rows).map((stroke) => stroke.map(([x, y]) => [x, -y]));
  return { text: typeof text === "string" ? plain(text) : "", strokes };
}

const isNumbers = (values, count) =>
  Array.isArray(values) && values.length === count && values.every(Number.isFinite);

// --- Xournal++ -----------------------------------------------------------------------------------

export function readXopp(text) {
  const root = xmlOf(text, "xournal");
  let top = 0;
  const strokes = [];
  for (const page of childrenOf(root, "page")) {
    for (const stroke of everything(page, "stroke")) {
      if (["highlighter", "eraser"].includes(stroke.getAttribute("tool"))) continue;
      const values = stroke.textContent.trim().split(/\s+/).map(Number);
      if (values.length < 2 || values.length % 2) throw new Error("a stroke is no list of points");
      const points = Array.from({ length: values.length / 2 }, (_, at) => [
        values[2 * at], values[2 * at + 1] + top,
      ]);
      strokes.push(points);
    }
    top += Number(page.getAttribute("height")) || 0;
  }
  return [{ text: "", strokes }];
}

