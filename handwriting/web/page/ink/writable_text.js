// A text as a model can write it, with what is added to its ink afterwards: accents over letters, and
// characters that are drawn from shapes (handwriting/text/spelling.py, writable_text.py).

import { hasShape, isAccent } from "./character_shapes.js";

const table = (characters, ...choices) => [...characters].map((character) => [character, choices]);

const TYPOGRAPHY = new Map([
  ...table("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060\u02bc", "'"),
  ...table("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"', "''"),
  ...table("\u2039\u203a", "'", '"'),
  ...table("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022\u2023\u2043\u25aa\u25cf\u25e6", "-"),
  ...table("\u2044\u2215", "/"),
  ...table("\r\t\v\f\u2028\u2029", " "),
  ...table("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff", ""),
  ["\u2026", ["..."]], ["\u00d7", ["x"]],
]);
const TWO_LETTERS = new Map([
  ["ß", ["ss"]], ["ẞ", ["SS"]], ["æ", ["ae"]], ["Æ", ["AE", "Ae"]], ["œ", ["oe"]],
  ["Œ", ["OE", "Oe"]], ["þ", ["th"]], ["Þ", ["Th"]],
]);
const BASES = new Map([
  ["ø", ["o"]], ["Ø", ["O"]], ["ł", ["l"]], ["Ł", ["L"]], ["đ", ["d"]], ["Đ", ["D"]], ["ð", ["d"]],
  ["Ð", ["D"]], ["ħ", ["h"]], ["Ħ", ["H"]], ["ı", ["i"]], ["ŧ", ["t"]], ["Ŧ", ["T"]],
]);
// Letters with a mark that Unicode does not take apart: base and mark.
const MARKED = new Map([
  ["ł", "l\u0337"], ["Ł", "L\u0337"], ["ø", "o\u0338"], ["Ø", "O\u0338"], ["đ", "d\u0335"],
  ["Đ", "D\u0335"], ["ð", "d\u0335"], ["Ð", "D\u0335"], ["ħ", "h\u0335"], ["Ħ", "H\u0335"],
  ["ŧ", "t\u0335"], ["Ŧ", "T\u0335"], ["ı", "i\u0131"],
]);
// The caron of these tall letters is written as a comma beside them.
const CARON_BESIDE = new Map([..."dtlL"].map((letter) => [`${letter}\u030c`, `${letter}\u0315`]));

const LINE_ENDS = /\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]/g;

const SPECIAL_SYMBOLS = 4; // of a vocabulary, before its characters

/** The characters that a model with some rules writes. */
export const knownCharacters = (about) => new Set(about.symbols.slice(SPECIAL_SYMBOLS));

/**
 * A piece of text, and how it is written.
 * @typedef {object} Spelling
 * @property {string} text the piece as it is to be read, with its newlines and indents
 * @property {string} written what the model writes; empty if it has nothing to do with it
 * @property {number[]} places the index in text of the character that each of written is for
 * @property {[number, string][]} marks accents: an index in text, and a combining character
 * @property {[number, string][]} shapes characters that are drawn, for which written has a space
 */

/**
 * How a piece of text is written by a model that knows some characters.
 * @param {string} text from writableText
 * @param {Set<string>} known
 * @returns {Spelling}
 */
export function spell(text, known) {
  const letters = [];
  const [marks, shapes] = [[], []];
  [...text].forEach((character, at) => {
    const plan = planOf(character, known);
    if (!plan) throw new Error(`“${character}” cannot be written`);
    marks.push(...plan.marks.map((mark) => [at, mark]));
    if (plan.isShape) shapes.push([at, plan.base]);
    if (plan.isShape || /\s/.test(plan.base)) letters.push([" ", at]);
    else letters.push([plan.base, at]);
  });
  const kept = withoutDoubleSpaces(letters);
  return {
    text, written: kept.map(([letter]) => letter).join(""), places: kept.map(([, at]) => at), marks,
    shapes,
  };
}

/**
 * A text of characters that spell takes.
 * @param {string} text
 * @param {Set<string>} known
 * @param {boolean} isLenient write similar characters for those that cannot be written, or leave
 *   them out
 * @returns {{text: string, changes: {character: string, written: string}[], refused: string[]}} what
 *   became of which characters, and those that cannot be written, each once
 */
export function writableText(text, known, isLenient = false) {
  const [changes, refused] = [new Map(), new Set()];
  const written = [...text.normalize("NFC").replace(LINE_ENDS, "\n")].map((character) => {
    const found = replaced(character, known, isLenient);
    if (found === null) refused.add(character);
    else if (found !== character && !/\s/.test(character)) changes.set(character, found);
    return found ?? "";
  });
  return {
    text: written.join(""),
    changes: [...changes].map(([character, own]) => ({ character, written: own })),
    refused: [...refused],
  };
}

/**
 * What a text has that cannot be written.
 * @returns {{character: string, written: string | null}[]} each once; written is what could stand
 *   in its place, null where nothing could
 */
export function unknownCharacters(text, known) {
  const { refused } = writableText(text, known);
  return refused.map((character) => ({ character, written: replaced(character, known, true) }));
}

/** The substitute of a character, itself if it can be written; null if there is none. */
function replaced(character, known, isLenient) {
  if (planOf(character, known)) return character;
  const choices = [...(TYPOGRAPHY.get(character) ?? []), ...(TWO_LETTERS.get(character) ?? [])];
  choices.push(typewritten(character.normalize("NFKC")));
  if (isLenient) choices.push(...similar(character));
  const canBeWritten = (choice) => [...choice].every((part) => planOf(part, known));
  return choices.find(canBeWritten) ?? null;
}

const typewritten = (text) => [...text].map((part) => TYPOGRAPHY.get(part)?.[0] ?? part).join("");

function similar(character) {
  const own = [TYPOGRAPHY, TWO_LETTERS, BASES].flatMap((each) => each.get(character) ?? []);
  const parts = [...character.normalize("NFKD")].filter((part) => !/\p{M}/u.test(part));
  const base = parts.join("");
  if (base === character) return own;
  const substitute = (part) =>
    (TYPOGRAPHY.get(part) ?? TWO_LETTERS.get(part) ?? BASES.get(part) ?? [part])[0];
  return [...own, base, parts.map(substitute).join("")];
}

/** The way to write one character: {base, marks, isShape}; null if there is none. */
function planOf(character, known) {
  if (" \n\t".includes(character) || known.has(character)) {
    return { base: character, marks: [], isShape: false };
  }
  const apart = MARKED.get(character) ?? character.normalize("NFD");
  const [base, ...marks] = CARON_BESIDE.get(apart) ?? apart;
  if (!marks.length) return hasShape(character) ? { base: character, marks, isShape: true } : null;
  const under = planOf(base, known);
  if (!under || !marks.every(isAccent)) return null;
  return { ...under, marks: [...under.marks, ...marks] };
}

/** The letters with one space between words, none at the ends. */
function withoutDoubleSpaces(letters) {
  const kept = [];
  let space = null;
  for (const each of letters) {
    if (each[0] === " ") {
      space = each;
      continue;
    }
    if (space && kept.length) kept.push(space);
    space = null;
    kept.push(each);
  }
  return kept;
}
