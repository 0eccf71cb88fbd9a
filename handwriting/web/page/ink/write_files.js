// Pages as files: SVG, G-code, HPGL, InkML, JSON, as handwriting/formats/ writes them. PNG:
// pages/paint.js; PDF: ink/pdf_file.js. Colours are those of the pens, the first that of all ink of
// which nothing else is said.

export const INK_COLOUR = "#16213a";
export const RULE_COLOUR = "#b9c7dc";
export const RULE_WIDTH = 0.2;
export const DOT_OF_PEN = 1.5;
const ROUND = 'stroke-linecap="round" stroke-linejoin="round"';
const UNITS_PER_MM = 1000;
const GCODE = {
  penDown: "G1 Z0 F600", penUp: "G0 Z3", penChange: "M0 ; pen ", feedRate: 2000, travelRate: 6000,
};
const HPGL_UNITS_PER_MM = 40;

export const isDot = (stroke) => stroke.every(([x, y]) => x === stroke[0][0] && y === stroke[0][1]);

/** A value to so many decimals, without trailing zeros or a negative zero. */
export function numberText(value, decimals = 3) {
  let text = value.toFixed(decimals);
  if (text.includes(".")) text = text.replace(/\.?0+$/, "");
  return text === "-0" ? "0" : text;
}

const escaped = (text) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** The SVG document of a page, in mm. */
export function svgOf(page, colours = [INK_COLOUR]) {
  const [width, height] = [numberText(page.width), numberText(page.height)];
  const lines = page.lines.flatMap((line) => [
    "<g>", `<title>${escaped(line.text)}</title>`,
    ...line.strokes.map((stroke, at) => pathOf(stroke, page, line.pens[at] ? colours[line.pens[at]] : "")),
    "</g>",
  ]);
  const elements = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}mm" height="${height}mm"` +
      ` viewBox="0 0 ${width} ${height}">`,
    ...rulesOf(page),
    `<g id="ink" fill="none" stroke="${colours[0]}" stroke-width="${numberText(page.penWidth)}" ${ROUND}>`,
    ...lines, "</g>", "</svg>",
  ];
  return `${elements.join("\n")}\n`;
}

function rulesOf(page) {
  if (!page.rules.length) return [];
  const paths = page.rules.map((y) => `<path d="M0 ${numberText(y)}H${numberText(page.width)}"/>`);
  const style = `fill="none" stroke="${RULE_COLOUR}" stroke-width="${RULE_WIDTH}"`;
  return [`<g id="rules" ${style}>`, ...paths, "</g>"];
}

function pathOf(stroke, page, colour) {
  const ink = colour ? ` stroke="${colour}"` : "";
  const dot = isDot(stroke) ? ` stroke-width="${numberText(DOT_OF_PEN * page.penWidth)}"` : "";
  const points = stroke.map(([x, y]) => `${numberText(x)} ${numberText(y)}`);
  let kept = points.filter((point, at) => at === 0 || point !== points[at - 1]);
  if (kept.length === 1) kept = [kept[0], kept[0]];
  return `<path${ink}${dot} d="M${kept[0]}L${kept.slice(1).join(" ")}"/>`;
}

/** The program that draws a page on a pen plotter: origin at the lower left, y upwards. */
export function gcodeOf(page) {
  const place = ([x, y]) => `X${numberText(x)} Y${numberText(page.height - y)}`;
  const lines = [
    `; ${numberText(page.width)} x ${numberText(page.height)} mm, origin at the lower left corner`,
    "G21 ; mm", "G90 ; absolute coordinates", GCODE.penUp,
  ];
  let held = 0;
  for (const { text, strokes, pens } of page.lines) {
    lines.push(`; ${text.replace(/[^\x20-\x7e]/gu, "?")}`);
    for (const [number, stroke] of strokes.entries()) {
      const pen = pens[number] ?? 0;
      if (pen !== held) lines.push(`${GCODE.penChange}${pen + 1}`);
      held = pen;
      const places = stroke.map(place);
      const moves = places.filter((each, at) => at > 0 && each !== places[at - 1]);
      const [first, ...others] = moves.length ? moves : places.slice(0, 1);
      lines.push(`G0 ${places[0]} F${GCODE.travelRate}`, GCODE.penDown);
      lines.push(`G1 ${first} F${GCODE.feedRate}`, ...others.map((move) => `G1 ${move}`), GCODE.penUp);
    }
  }
  return `${[...lines, `G0 X0 Y0 F${GCODE.travelRate}`, "M2"].join("\n")}\n`;
}

/** The same in HPGL: units of 1/40 mm, pens numbered from 1. */
export function hpglOf(page) {
  const whole = (value) => Math.round(value * HPGL_UNITS_PER_MM);
  const lines = ["IN;"];
  let held = -1;
  for (const { strokes, pens } of page.lines) {
    for (const [number, stroke] of strokes.entries()) {
      const pen = pens[number] ?? 0;
      if (pen !== held) lines.push(`SP${pen + 1};`);
      held = pen;
      const places = stroke.map(([x, y]) => `${whole(x)},${whole(page.height - y)}`);
      const moves = places.filter((place, at) => at > 0 && place !== places[at - 1]);
      lines.push(`PU${places[0]};PD${moves.join(",")};PU;`);
    }
  }
  return `${[...lines, "PU0,0;", "SP0;"].join("\n")}\n`;
}

/** Lines of points in mm, y downwards, as InkML: each a trace group with its text. */
export function inkmlOf({ width, height, lines }, writer = "") {
  const channel = (axis, size) =>
    `<channel name="${axis}" type="integer" min="0" max="${Math.round(size * UNITS_PER_MM)}" />`;
  const property = (axis) =>
    `<channelProperty channel="${axis}" name="resolution" value="${UNITS_PER_MM}" units="1/mm" />`;
  const whole = (value) => Math.round(value * UNITS_PER_MM);
  const trace = (stroke) => stroke.map(([x, y]) => `${whole(x)} ${whole(y)}`).join(", ");
  const groups = lines.flatMap((line) => [
    '  <traceGroup contextRef="#page">',
    `    <annotation type="transcription">${escaped(line.text)}</annotation>`,
    ...(writer ? [`    <annotation type="writer">${escaped(writer)}</annotation>`] : []),
    ...line.strokes.map((stroke) => `    <trace>${trace(stroke)}</trace>`),
    "  </traceGroup>",
  ]);
  return `${[
    "<?xml version='1.0' encoding='utf-8'?>",
    '<ink xmlns="http://www.w3.org/2003/InkML">', "  <definitions>", '    <context xml:id="page">',
    '      <inkSource xml:id="pen">', "        <traceFormat>",
    `          ${channel("X", width)}`, `          ${channel("Y", height)}`, "        </traceFormat>",
    "        <channelProperties>", `          ${property("X")}`, `          ${property("Y")}`,
    "        </channelProperties>", "      </inkSource>", "    </context>", "  </definitions>",
    ...groups, "</ink>",
  ].join("\n")}\n`;
}

/** All pages as one JSON document. */
export function jsonOf(pages, colours = [INK_COLOUR]) {
  const rounded = (value) => Number(value.toFixed(3));
  const document = {
    format: "handwriting-pages", version: 1, units: "mm",
    pages: pages.map(({ width, height, penWidth, rules, lines }) => ({
      width, height, pen_width: rounded(penWidth), rules: rules.map(rounded),
      ...(colours.length > 1 ? { pens: colours } : {}),
      lines: lines.map(({ text, baseline, strokes, pens }) => ({
        text, baseline: rounded(baseline),
        strokes: strokes.map((stroke) => stroke.map((point) => point.map(rounded))),
        ...(pens.length ? { pens } : {}),
      })),
    })),
  };
  return `${JSON.stringify(document)}\n`;
}
