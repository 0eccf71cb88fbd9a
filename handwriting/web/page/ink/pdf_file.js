// Pages as one PDF document, drawn as lines (ISO 32000-1).

import { DOT_OF_PEN, INK_COLOUR, RULE_COLOUR, RULE_WIDTH, isDot, numberText } from "./write_files.js";

const POINTS_PER_MM = 72 / 25.4;
const ROUND = "1 J 1 j"; // ends and joins
const [CATALOG, TREE, FIRST_PAGE] = [1, 2, 3]; // numbers of objects; each page has two

/**
 * @param {object[]} pages from pages/layout.js
 * @param {string[]} colours of the pens
 * @returns {Promise<Uint8Array>}
 */
export async function pdfOf(pages, colours = [INK_COLOUR]) {
  const encoder = new TextEncoder();
  const kids = pages.map((_, at) => `${FIRST_PAGE + 2 * at} 0 R`).join(" ");
  const parts = [encoder.encode("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")];
  const starts = [];
  let length = parts[0].length;
  const add = (...pieces) => {
    starts.push(length);
    const bytes = [`${starts.length} 0 obj\n`, ...pieces, "\nendobj\n"].map((piece) =>
      typeof piece === "string" ? encoder.encode(piece) : piece,
    );
    parts.push(...bytes);
    length += bytes.reduce((sum, each) => sum + each.length, 0);
  };
  add(`<< /Type /Catalog /Pages ${TREE} 0 R >>`);
  add(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`);
  for (const [at, page] of pages.entries()) {
    const [width, height] = [page.width, page.height].map((size) => numberText(size * POINTS_PER_MM));
    const content = FIRST_PAGE + 2 * at + 1;
    add(
      `<< /Type /Page /Parent ${TREE} 0 R /MediaBox [0 0 ${width} ${height}]` +
        ` /Resources << >> /Contents ${content} 0 R >>`,
    );
    const { bytes, filter } = await deflated(encoder.encode(drawingOf(page, colours)));
    add(`<< /Length ${bytes.length}${filter} >>\nstream\n`, bytes, "\nendstream");
  }
  const table = starts.map((start) => `${String(start).padStart(10, "0")} 00000 n \n`).join("");
  const end =
    `xref\n0 ${starts.length + 1}\n0000000000 65535 f \n${table}` +
    `trailer\n<< /Size ${starts.length + 1} /Root ${CATALOG} 0 R >>\nstartxref\n${length}\n%%EOF\n`;
  return joined([...parts, encoder.encode(end)]);
}

/** The page's drawing, in mm from the top left corner. */
function drawingOf(page, colours) {
  const scale = numberText(POINTS_PER_MM, 6);
  const commands = [
    `${scale} 0 0 -${scale} 0 ${numberText(page.height * POINTS_PER_MM)} cm`, ROUND,
    `${numberText(RULE_WIDTH)} w ${rgbOf(RULE_COLOUR)} RG`,
    ...page.rules.map((y) => `0 ${numberText(y)} m ${numberText(page.width)} ${numberText(y)} l S`),
  ];
  let [held, wide] = [-1, 0];
  for (const { strokes, pens } of page.lines) {
    strokes.forEach((stroke, at) => {
      const pen = pens[at] ?? 0;
      const width = page.penWidth * (isDot(stroke) ? DOT_OF_PEN : 1);
      if (pen !== held) commands.push(`${rgbOf(colours[pen])} RG`);
      if (width !== wide) commands.push(`${numberText(width)} w`);
      [held, wide] = [pen, width];
      const [first, ...others] = stroke.map(([x, y]) => `${numberText(x)} ${numberText(y)}`);
      const ways = others.length ? others : [first];
      commands.push(`${first} m ${ways.map((place) => `${place} l`).join(" ")} S`);
    });
  }
  return commands.join("\n");
}

const rgbOf = (colour) =>
  [1, 3, 5].map((at) => numberText(parseInt(colour.slice(at, at + 2), 16) / 255)).join(" ");

async function deflated(bytes) {
  if (typeof CompressionStream === "undefined") return { bytes, filter: "" };
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  return { bytes: packed, filter: " /Filter /FlateDecode" };
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
