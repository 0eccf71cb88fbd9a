// Texts in characters that a model knows (handwriting/text/writable_text.py).

const table = (characters, ...choices) => [...characters].map((character) => [character, choices]);

const SUBSTITUTES = new Map([
  ...table("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060\u02bc", "'"),
  ...table("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"', "''"),
  ...table("\u2039\u203a", "'", '"'),
  ...table("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022\u2023\u2043\u25aa\u25cf\u25e6", "-"),
  ...table("\u2044\u2215", "/"),
  ...table("\r\t\v\f\u2028\u2029", " "),
  ...table("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff", ""),
  ["\u2026", ["..."]], ["\u00d7", ["x"]], ["ß", ["ss"]], ["ẞ", ["SS"]], ["æ", ["ae"]],
  ["Æ", ["AE", "Ae"]], ["œ", ["oe"]], ["Œ", ["OE", "Oe"]], ["ø", ["o"]], ["Ø", ["O"]],
  ["ł", ["l"]], ["Ł", ["L"]], ["đ", ["d"]], ["Đ", ["D"]], ["ð", ["d"]], ["Ð", ["D"]],
  ["þ", ["th"]], ["Þ", ["Th"]], ["ħ", ["h"]], ["Ħ", ["H"]], ["ı", ["i"]], ["ŧ", ["t"]], ["Ŧ", ["T"]],
]);

/**
 * What a text has that a model does not know.
 * @param {string} text newlines are known
 * @param {Set<string>} known
 * @returns {{character: string, written: string | null}[]} each once; written is what could stand
 *   in its place, null where nothing could
 */
export function unknownCharacters(text, known) {
  const isKnown = (part) => [...part].every((character) => known.has(character));
  const characters = [...new Set(text.normalize("NFC"))];
  return characters
    .filter((character) => character !== "\n" && !known.has(character))
    .map((character) => ({ character, written: options(character).find(isKnown) ?? null }));
}

/** The text with unknown characters replaced, and those left out that nothing could stand for. */
export function replaceUnknown(text, known) {
  const normal = text.normalize("NFC");
  const found = unknownCharacters(normal, known);
  const choices = new Map(found.map(({ character, written }) => [character, written ?? ""]));
  return [...normal].map((character) => choices.get(character) ?? character).join("");
}

function options(character) {
  const parts = [...character.normalize("NFKD")];
  const base = parts.filter((part) => !/\p{M}/u.test(part));
  const written = base.map((part) => SUBSTITUTES.get(part)?.[0] ?? part);
  const own = SUBSTITUTES.get(character) ?? [];
  return base.join("") === character ? own : [...own, base.join(""), written.join("")];
}
