// Mark-up of a text: parts of it in other colours, each drawn by a pen of its own
// (handwriting/text/markup.py). [red]important[/red], [#2e7d32]green[/]; square brackets around
// anything else are text.

export const COLOURS = {
  black: "#1c1c1c", blue: "#1f3fae", brown: "#6b4226", gray: "#777777", green: "#1b7a3d",
  grey: "#777777", orange: "#d9730d", pink: "#d6489a", purple: "#6a3aa8", red: "#b3261e",
};
const TAG = new RegExp(
  `\\[(?:(#[0-9a-fA-F]{6}|${Object.keys(COLOURS).join("|")})|/([a-z]*|#[0-9a-fA-F]{6}))\\]`, "g",
);

/**
 * A text and its colours.
 * @param {string} text with mark-up
 * @param {string} ink the colour of what is not marked
 * @returns {{text: string, pens: number[], colours: string[]}} pens: of each character that is no
 *   white space the number of its colour; the first is that of the ink
 * @throws {Error} a mark is not closed, or closed and not open; names its place
 */
export function parseMarkup(text, ink) {
  const [colours, pens, parts, open] = [[ink.toLowerCase()], [], [], []];
  let start = 0;
  for (const tag of [...text.matchAll(TAG), null]) {
    const part = text.slice(start, tag ? tag.index : text.length);
    parts.push(part);
    const pen = open.length ? open[open.length - 1].pen : 0;
    for (const character of part) if (/\S/.test(character)) pens.push(pen);
    if (!tag) break;
    start = tag.index + tag[0].length;
    const [whole, opened, closed] = tag;
    if (opened !== undefined) {
      const colour = (COLOURS[opened] ?? opened).toLowerCase();
      if (!colours.includes(colour)) colours.push(colour);
      open.push({ name: opened, pen: colours.indexOf(colour), index: tag.index });
    } else if (open.length && ["", open[open.length - 1].name].includes(closed)) {
      open.pop();
    } else {
      const expected = open.length ? `expected [/${open[open.length - 1].name}]` : "nothing is open";
      throw new Error(`${placeOf(text, tag.index)}: ${whole}, ${expected}`);
    }
  }
  if (open.length) {
    const { name, index } = open[open.length - 1];
    throw new Error(`${placeOf(text, index)}: [${name}] is not closed by [/${name}]`);
  }
  return { text: parts.join(""), pens, colours };
}

/** The line and the column of a character, counted from 1, in words. */
function placeOf(text, index) {
  const lines = text.slice(0, index).split("\n");
  return `line ${lines.length}, column ${[...lines[lines.length - 1]].length + 1}`;
}
