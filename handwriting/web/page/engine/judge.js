// A recogniser as a judge of written lines: which of several drawings of a text is kept, and what is
// still wrong with it (handwriting/runtime/scorers.py, handwriting/text/reading_flaws.py).

import { inkFlaws } from "../pages/flaws.js";
import { bestPath } from "./ctc.js";
import { inkFeatures } from "./features.js";

const FLAW = 3; // wrong characters that a flaw of the ink counts as much as
const SHARE = 0.75; // of a word's letters without a reading: the word is missing
const FEWEST = 3; // letters: a shorter word may have been read as part of another
const MOST_INSERTED = 4; // letters in a row that are not in the text

/** How likely the writing model finds each line, by pen step; a line that did not end is out. */
export const byLogProb = (lines) =>
  lines.map((line) => (line.reachedLimit ? -Infinity : line.logProb / line.strokes.length));

export class Judge {
  #kept = new WeakMap(); // readings of lines

  /** @param {import("./reader_model.js").ReaderModel} model */
  constructor(model) {
    this.model = model;
  }

  /** A line's text by the attention decoder, and by CTC: two looks at the same ink. */
  readTwice(line) {
    let looks = this.#kept.get(line);
    if (!looks) {
      const { symbols, features } = this.model.about;
      const encoded = this.model.encode(inkFeatures(line.strokes, features).columns);
      const text = (codes) => codes.map((code) => symbols[code]).join("");
      looks = [text(encoded.decoder().greedy(encoded.frames)), text(bestPath(encoded))];
      this.#kept.set(line, looks);
    }
    return looks;
  }

  /** How good each drawing of a text is: few wrong characters, no flaws, then what is likelier. */
  scores(lines) {
    const own = byLogProb(lines).map((value) => (Number.isNaN(value) ? -Infinity : value));
    const order = [...new Set(own)].sort((a, b) => a - b);
    return lines.map((line, at) => {
      if (own[at] === -Infinity) return -Infinity;
      const errors = this.readTwice(line).map((text) => editsOf([...line.text], [...text]).length);
      const wrong = errors.reduce((sum, each) => sum + each, 0) / errors.length;
      // Less than one error of one reading.
      const rank = order.indexOf(own[at]) / (2 * own.length);
      return rank - wrong - FLAW * inkFlaws(line).length;
    });
  }

  /** Words that are missing, or there twice, if both looks say so. */
  flaws(line) {
    const [first, second] = this.readTwice(line).map((text) => wordFlaws(line.text, text));
    return first.filter((flaw) => second.includes(flaw));
  }
}

/** What a reading of a line says about its words. */
export function wordFlaws(text, reading) {
  const words = text.split(/\s+/).filter(Boolean).map((word) => [...word]);
  const owners = words.flatMap((word, number) => word.map(() => number));
  const missing = words.map(() => 0);
  const inserted = new Map();
  const letters = (own) => [...own].filter((each) => /\S/.test(each));
  for (const { kind, at } of editsOf(letters(text), letters(reading))) {
    if (kind === "delete") missing[owners[at]]++;
    else if (kind === "insert") inserted.set(at, (inserted.get(at) ?? 0) + 1);
  }
  const flaws = words.flatMap((word, number) => {
    const isMissing = word.length >= FEWEST && missing[number] >= SHARE * word.length;
    return isMissing ? [`misses “${word.join("")}”`] : [];
  });
  for (const [at, count] of inserted) {
    if (count < MOST_INSERTED || !owners.length) continue;
    flaws.push(`has more than “${words[owners[Math.max(at - 1, 0)]].join("")}”`);
  }
  return flaws;
}

/**
 * The fewest edits that turn one text into another, from the first to the last: of as few, those that
 * rapidfuzz finds.
 * @param {string[]} from
 * @param {string[]} to
 * @returns {{kind: "delete" | "insert" | "replace", at: number}[]} at: the place in `from`
 */
export function editsOf(from, to) {
  let [start, fromEnd, toEnd] = [0, from.length, to.length];
  while (start < Math.min(fromEnd, toEnd) && from[start] === to[start]) start++;
  while (fromEnd > start && toEnd > start && from[fromEnd - 1] === to[toEnd - 1]) {
    fromEnd--;
    toEnd--;
  }
  const [one, other] = [from.slice(start, fromEnd), to.slice(start, toEnd)];
  const costs = costsOf(one, other);
  const edits = [];
  let [at, row] = [one.length, other.length];
  while (at || row) {
    if (at && costs[at][row] === costs[at - 1][row] + 1) {
      edits.push({ kind: "delete", at: start + --at });
    } else if (!at || (row > 1 && costs[at][row - 1] < costs[at - 1][row - 1])) {
      row--;
      edits.push({ kind: "insert", at: start + at });
    } else {
      [at, row] = [at - 1, row - 1];
      if (one[at] !== other[row]) edits.push({ kind: "replace", at: start + at });
    }
  }
  return edits.reverse();
}

function costsOf(one, other) {
  const costs = one.concat("").map(() => new Array(other.length + 1).fill(0));
  for (let row = 1; row <= other.length; row++) costs[0][row] = row;
  for (let at = 1; at <= one.length; at++) {
    costs[at][0] = at;
    for (let row = 1; row <= other.length; row++) {
      const isOther = Number(one[at - 1] !== other[row - 1]);
      costs[at][row] = Math.min(
        costs[at - 1][row] + 1, costs[at][row - 1] + 1, costs[at - 1][row - 1] + isOther,
      );
    }
  }
  return costs;
}
