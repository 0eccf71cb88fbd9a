// A line of ink to its text, with the place of each word and what else it may say.

import { searchJointly } from "./beam_search.js";
import { alignText, searchTexts } from "./ctc.js";
import { inkFeatures } from "./features.js";
import { piecesOf, separatorsOf } from "./long_lines.js";

const FIRST_CHARACTER = 4;
const BEAM = 16;
const TEXTS = 4; // readings of a line in all
const ALTERNATIVES = 5; // of a word
const LEAST_LIKELY = 7; // nats less than the likeliest, of an alternative
const MOST_ROWS = 10_000;

/** @typedef {{text: string, confidence: number, rows: [number, number]}} ReadCharacter
 *   rows: the first of the line's rows that it was read from and the one after the last */
/** @typedef {{text: string, confidence: number, rows: [number, number], start: number,
 *   characters: ReadCharacter[], alternatives: string[]}} ReadWord start: place in the text */

/** Reads lines with a ReaderModel, and with a LanguageModel where there is one. */
export class LineReader {
  constructor(model, language = null) {
    this.model = model;
    this.language = language;
    this.settings = { ...model.about.reading };
    if (!language) this.settings.language_weight = 0;
    this.symbols = model.about.symbols;
    this.stride = model.about.strides.reduce((product, stride) => product * stride, 1);
  }

  /**
   * @param {number[][]} rows strokes as in Line.strokes, in any units
   * @returns {{text: string, texts: string[], words: ReadWord[]}} texts: the likeliest, best first
   */
  read(rows) {
    if (rows.length > MOST_ROWS) throw new Error(`a line has ${MOST_ROWS} points at most`);
    const pieces = piecesOf(rows);
    if (pieces.length === 1) return this.readWhole(rows);
    const parts = pieces.map(([start, stop]) => this.readWhole(rows.slice(start, stop)));
    return joined(parts, separatorsOf(rows, pieces), pieces.map(([start]) => start));
  }

  readWhole(rows) {
    const { columns, samples } = inkFeatures(rows, this.model.about.features);
    const encoded = this.model.encode(columns);
    const found = searchJointly(encoded, this.settings, this.language, TEXTS)
      .filter(({ codes }) => codes.length);
    if (!found.length) return { text: "", texts: [], words: [] };
    const { codes } = found[0];
    const spans = alignText(encoded, codes);
    const bounds = this.boundsOf(codes, spans, samples, rows);
    const words = this.wordsOf(codes).map(([first, stop]) => {
      const characters = codes.slice(first, stop).map((code, at) => ({
        text: this.symbols[code],
        confidence: spans[first + at].prob,
        rows: [bounds[first + at], bounds[first + at + 1]],
      }));
      return {
        text: this.textOf(codes.slice(first, stop)),
        start: this.textOf(codes.slice(0, first)).length,
        confidence: geometricMean(characters.map(({ confidence }) => confidence)),
        rows: [bounds[first], bounds[stop]],
        characters,
        alternatives: this.alternatives(encoded, codes, spans, first, stop),
      };
    });
    const texts = found.map((each) => this.textOf(each.codes).trim());
    return { text: this.textOf(codes), texts, words };
  }

  textOf(codes) {
    return codes.map((code) => this.symbols[code]).join("");
  }

  /** First place and the one after the last of each word among codes. */
  wordsOf(codes) {
    const words = [];
    let first = 0;
    for (let at = 0; at <= codes.length; at++) {
      if (at < codes.length && this.symbols[codes[at]] !== " ") continue;
      if (at > first) words.push([first, at]);
      first = at + 1;
    }
    return words;
  }

  /** Rows at which the characters begin, and one after the last: the middle between two
   * characters, or at a space the pen-up move that goes farthest to the right. */
  boundsOf(codes, spans, samples, rows) {
    const rowAt = (frame) => {
      const point = Math.min(Math.max(Math.round(frame * this.stride), 0), samples.length - 1);
      return Math.min(Math.ceil(samples[point]), rows.length);
    };
    const bounds = codes.map((code, at) => {
      if (at === 0) return 0;
      return rowAt((spans[at - 1].last + spans[at].first) / 2);
    });
    codes.forEach((code, at) => {
      if (this.symbols[code] !== " " || at === 0 || at + 1 >= codes.length) return;
      const gap = widestMove(rows, rowAt(spans[at - 1].last), rowAt(spans[at + 1].first));
      if (gap !== null) bounds[at] = bounds[at + 1] = gap;
    });
    return [...bounds, rows.length];
  }

  /** Other readings of a word's frames. */
  alternatives(encoded, codes, spans, first, stop) {
    const from = first ? Math.ceil((spans[first - 1].last + spans[first].first) / 2) : 0;
    const to = stop < codes.length
      ? Math.ceil((spans[stop - 1].last + spans[stop].first) / 2) + 1
      : encoded.frames;
    const own = this.textOf(codes.slice(first, stop));
    const found = searchTexts(encoded, BEAM, [from, Math.max(to, from + 1)]);
    const texts = found
      .filter(({ log }) => log > found[0].log - LEAST_LIKELY)
      .map((each) => this.textOf(each.codes.filter((code) => code >= FIRST_CHARACTER)).trim())
      .filter((text) => text && text !== own);
    return [...new Set(texts)].slice(0, ALTERNATIVES);
  }
}

/** The reading of a line from those of its pieces, what stands between them, and where they begin. */
function joined(parts, between, starts) {
  let text = "";
  const words = [];
  parts.forEach((part, number) => {
    const separator = number ? between[number - 1] : "";
    const isOneWord = number && !separator && !text.endsWith(" ") && !part.text.startsWith(" ");
    text += separator;
    const placed = part.words.map((word) => placedWord(word, text.length, starts[number]));
    if (isOneWord && words.length && placed.length) words.push(oneWord(words.pop(), placed.shift()));
    words.push(...placed);
    text += part.text;
  });
  return { text, texts: text.trim() ? [text.trim()] : [], words };
}

function placedWord(word, start, row) {
  const moved = ([first, stop]) => [first + row, stop + row];
  return {
    ...word, start: word.start + start, rows: moved(word.rows),
    characters: word.characters.map((each) => ({ ...each, rows: moved(each.rows) })),
  };
}

function oneWord(one, other) {
  const characters = [...one.characters, ...other.characters];
  return {
    text: one.text + other.text, start: one.start, rows: [one.rows[0], other.rows[1]], characters,
    confidence: geometricMean(characters.map(({ confidence }) => confidence)), alternatives: [],
  };
}

function widestMove(rows, from, to) {
  let [place, most] = [null, 0];
  for (let at = Math.max(from, 1); at <= Math.min(to, rows.length - 1); at++) {
    if (rows[at - 1][0] > 0.5 && rows[at][1] > most) [place, most] = [at, rows[at][1]];
  }
  return place;
}

function geometricMean(values) {
  const logs = values.reduce((sum, value) => sum + Math.log(Math.max(value, 1e-9)), 0);
  return Math.exp(logs / Math.max(values.length, 1));
}
