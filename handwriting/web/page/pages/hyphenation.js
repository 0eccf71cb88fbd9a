// Hyphenation by Liang's patterns (Liang 1983, "Word hy-phen-a-tion by com-put-er"), as the package
// pyphen applies them (handwriting/pages/hyphenation.py).

const FEWEST = 2; // letters before and after a hyphen
const SETTINGS = /^(?:LEFT|RIGHT|COMPOUND)\w*|^NEXTLEVEL|^[%#]/;

/**
 * What finds the places in a word where it may be cut.
 * @param {string} rules a file hyph_*.dic of patterns, without their first line's encoding
 * @returns {(word: string) => number[]} numbers of characters before each cut, ascending
 */
export function hyphenationOf(rules) {
  const { patterns, longest } = patternsOf(rules);
  return (word) => {
    const characters = [...word];
    const found = /\p{L}{4,}/u.exec(word);
    if (!found || word.includes("-")) return [];
    const start = [...word.slice(0, found.index)].length;
    const letters = characters.slice(start, start + [...found[0]].length);
    return positionsIn(letters.map((letter) => letter.toLowerCase()), patterns, longest)
      .filter((at) => at >= FEWEST && at <= letters.length - FEWEST)
      .map((at) => start + at);
  };
}

function patternsOf(rules) {
  const patterns = new Map();
  let longest = 0;
  for (const line of rules.split("\n").slice(1)) {
    const pattern = line.trim();
    if (!pattern || SETTINGS.test(pattern)) continue;
    const letters = pattern.replace(/\d/g, "");
    const values = [];
    for (const [, digit] of pattern.matchAll(/(\d?)(?:\D|$)/g)) values.push(Number(digit || 0));
    if (!values.some(Boolean)) continue;
    patterns.set(letters, values);
    longest = Math.max(longest, letters.length);
  }
  return { patterns, longest };
}

function positionsIn(letters, patterns, longest) {
  const word = `.${letters.join("")}.`;
  const levels = new Array(word.length + 1).fill(0);
  for (let first = 0; first < word.length; first++) {
    for (let stop = first + 1; stop <= Math.min(first + longest, word.length); stop++) {
      const values = patterns.get(word.slice(first, stop));
      values?.forEach((value, at) => {
        levels[first + at] = Math.max(levels[first + at], value);
      });
    }
  }
  return levels.flatMap((level, at) => (level % 2 ? [at - 1] : []));
}
