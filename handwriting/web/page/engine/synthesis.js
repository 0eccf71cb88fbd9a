// From a text to ink: the rules of sampling, of when a line ends, and of texts of any length, as
// writing/synthesis_loop.py and writing/text_writer.py have them (docs/export.md).
//
// A stroke's rows are [end of stroke, dx, dy], y upwards, as in Line.strokes.

import { knownCharacters, spell } from "../ink/writable_text.js";
import { splitText } from "../pages/aligned_text.js";
import { inkFlaws } from "../pages/flaws.js";
import { byLogProb } from "./judge.js";
import { candidateSeed, lineSeed, penNoise } from "./noise.js";
import { drawPenStep, logDensity } from "./writer_model.js";

/** A line that has been written. */
/** @typedef {{strokes: number[][], text: string, characterOfStep: number[], reachedLimit: boolean,
 *   logProb: number}} WrittenLine */

/** @typedef {{strokes: number[][], text: string}} Style a line whose hand is kept, in the units
 *   of the model */

/** Writes lines with a model; keeps what the model knows of the latest style. */
export class LineWriter {
  constructor(model) {
    this.model = model;
    this.normalisation = model.about.normalisation;
    this.reading = null; // {style, step, state, ...}: a style read as far as no new text is seen
  }

  /**
   * Writes one line, part by part: a generator that yields after every few pen steps.
   * @param {{text: string, style: Style | null, bias: number, seed: number[]}} request
   * @returns {Generator<number, WrittenLine>} yields the steps so far
   */
  *write(request) {
    const line = new LineAtWork(this, request);
    while (!line.hasEnded) {
      for (let step = 0; step < STEPS_AT_A_TIME && !line.hasEnded; step++) line.advance();
      yield line.rows.length;
    }
    return line.finished();
  }

  normalise([end, dx, dy]) {
    const { mean, std } = this.normalisation;
    return [end, Math.fround((dx - mean[0]) / std[0]), Math.fround((dy - mean[1]) / std[1])];
  }

  denormalise([end, dx, dy]) {
    const { mean, std } = this.normalisation;
    return [end, Math.fround(dx * std[0] + mean[0]), Math.fround(dy * std[1] + mean[1])];
  }
}

const STEPS_AT_A_TIME = 64;

/** One line, from the first pen step to the last. */
class LineAtWork {
  constructor(writer, { text, style, bias, seed }) {
    const { model } = writer;
    this.writer = writer;
    this.about = model.about;
    this.text = text;
    this.style = style;
    this.seed = seed;
    this.before = style ? `${style.text.trimEnd()} ` : "";
    this.start = [...this.before].length;
    this.numCharacters = [...text].length;
    this.end = this.start + this.numCharacters;
    this.heads = (style ? style.strokes : [[0, 0, 0]]).map((row) => writer.normalise(row));
    this.limit = stepLimit(this.about.limits, text, style);
    this.steps = model.start(this.before + text);
    this.pen = new StalledPenBias(bias, this.about.stalled_pen, writer.normalise([0, 0, 0]));
    this.window = new StalledWindowScale(this.about.stalled_window);
    this.row = this.heads[0];
    this.step = 0;
    this.rows = [];
    this.places = [];
    this.logProbs = [];
    this.latestPlace = 0;
    this.hasEnded = false;
    this.reachedLimit = true;
    this.goOnFromReading();
  }

  /** One pen step. */
  advance() {
    const { step, heads, steps } = this;
    if (step > 0 && step < heads.length) this.row = heads[step];
    const bias = this.pen.after(this.row) * this.window.after(steps.phi);
    const raw = steps.step(this.row);
    const written = step + 1 - heads.length;
    if (this.style && written < 0) this.keepReading();
    if (written >= 0 && this.endsAfter(written)) {
      this.hasEnded = true;
      return;
    }
    if (written >= 0) this.draw(raw, bias, written);
    this.step++;
  }

  endsAfter(written) {
    const penUp = this.row[0] > 0.5;
    const byRule = written > 0 && penUp && hasEnded(this.steps, this.end);
    if (byRule) this.reachedLimit = false;
    return byRule || written >= this.limit;
  }

  draw(raw, bias, written) {
    const { mixture } = this.about;
    const row = drawPenStep(raw, bias, penNoise(this.seed, written), mixture);
    this.row = row.map(Math.fround);
    this.rows.push(this.row);
    this.logProbs.push(logDensity(raw, this.row, mixture));
    const place = mostWeighed(this.steps.phi);
    if (this.steps.phi[place] > 0) this.latestPlace = place;
    this.places.push(this.latestPlace);
  }

  /** Remembers the state in which the style is read as far as the window sees no new text. */
  keepReading() {
    if (this.isPastReading) return;
    const { writer, style, steps } = this;
    for (let at = this.start; at < steps.length; at++) {
      if (steps.phi[at] > 0) {
        this.isPastReading = true;
        return;
      }
    }
    if (writer.reading?.style === style && writer.reading.step >= this.step) return;
    writer.reading = {
      style,
      step: this.step,
      state: steps.stateView.slice(),
      phi: steps.phi.slice(0, this.start),
      pace: this.pen.pace,
      window: [this.window.place, this.window.stay],
    };
  }

  goOnFromReading() {
    const { reading } = this.writer;
    if (!this.style || reading?.style !== this.style) return;
    this.steps.stateView.set(reading.state);
    this.steps.phi.set(reading.phi);
    this.pen.pace = reading.pace;
    [this.window.place, this.window.stay] = reading.window;
    this.step = reading.step + 1;
  }

  /** @returns {WrittenLine} */
  finished() {
    let strokes = this.rows.map((row) => this.writer.denormalise(row));
    let places = this.places;
    let logProbs = this.logProbs;
    if (this.style) {
      const rest = restOfStyle(strokes, places, this.start);
      [strokes, places, logProbs] = [strokes, places, logProbs].map((part) => part.slice(rest));
      strokes[0] = [strokes[0][0], 0, 0];
    } else {
      strokes = [[0, 0, 0], ...strokes];
      places = [places[0], ...places];
    }
    strokes[strokes.length - 1][0] = 1;
    const last = this.numCharacters - 1;
    return {
      strokes,
      text: this.text,
      characterOfStep: places.map((place) => Math.min(Math.max(place - this.start, 0), last)),
      reachedLimit: this.reachedLimit,
      logProb: logProbs.reduce((sum, value) => sum + value, 0),
    };
  }
}

function stepLimit(limits, text, style) {
  const ofStyle = style ? (limits.of_style_pace * style.strokes.length) / [...style.text].length : 0;
  const each = Math.max(limits.steps_per_character, ofStyle);
  return Math.ceil(each * [...text].length) + limits.more_steps;
}

/** Whether a line is written, its pen being up (Graves 2013, section 5.3; see has_ended). */
function hasEnded({ phi, kappa }, end) {
  let elsewhere = 0;
  for (let at = 0; at < end; at++) elsewhere = Math.max(elsewhere, phi[at]);
  return phi[end] > elsewhere || kappa.every((place) => place > end);
}

function mostWeighed(phi) {
  let best = 0;
  for (let at = 1; at < phi.length; at++) if (phi[at] > phi[best]) best = at;
  return best;
}

/** Pen steps after a style that still write the style's own text; see rest_of_prime. */
function restOfStyle(strokes, places, start) {
  let first = 0;
  for (let at = 0; at < strokes.length; at++) {
    const isLast = at === strokes.length - 1;
    if (!isLast && strokes[at][0] <= 0.5) continue;
    let early = 0;
    for (let step = first; step <= at; step++) early += places[step] < start;
    if (2 * early <= at + 1 - first) return first;
    first = at + 1;
  }
  return 0;
}

/** The sampling bias: less where the pen hardly moves, none while it rests. */
class StalledPenBias {
  constructor(bias, rules, still) {
    Object.assign(this, { bias, rules, still, pace: 1 });
  }

  after(row) {
    const { carried, resting_pace: resting, moving_pace: moving } = this.rules;
    const way = Math.hypot(row[1] - this.still[1], row[2] - this.still[2]);
    this.pace = way + carried * (this.pace - way);
    const share = (this.pace - resting) / (moving - resting);
    return this.bias * Math.min(Math.max(share, 0), 1);
  }
}

/** The share of the bias that is left where the window stays at one character for long. */
class StalledWindowScale {
  constructor(rules) {
    Object.assign(this, { rules, place: 0, stay: 0 });
  }

  after(phi) {
    const { long_stay: long, longest_stay: longest } = this.rules;
    const place = Math.max(this.place, mostWeighed(phi));
    this.stay = place > this.place ? 0 : this.stay + 1;
    this.place = place;
    return Math.min(Math.max((longest - this.stay) / (longest - long), 0), 1);
  }
}

/** Writes texts of any length piece by piece, in one hand; the same seed gives the same strokes. */
export class TextWriter {
  /**
   * @param {object} model a WriterModel
   * @param {{bias: number, seed: number[], bestOf?: number}} settings bestOf: each piece is written
   *   so often, and the best is kept
   * @param {import("./judge.js").Judge | null} judge says which is the best, and what is wrong with
   *   it; without one the likeliest is, and what shows without reading
   */
  constructor(model, { bias, seed, bestOf = 1 }, judge = null) {
    this.lines = new LineWriter(model);
    this.rules = model.about.pieces;
    this.known = knownCharacters(model.about);
    Object.assign(this, { bias, seed, bestOf, judge });
    this.numDrawn = 0;
  }

  /**
   * Yields {kind: "steps", ...} at every few pen steps and {kind: "piece", at, line, flaws} for
   * each piece that is there or there anew; the first thing is {kind: "pieces", spellings}.
   * @param {string} text from writableText
   * @param {Style | null} style without one, the model makes a hand up
   */
  *write(text, style) {
    const spellings = splitText(text, this.rules.longest).map((piece) => spell(piece, this.known));
    const texts = spellings.map(({ written }) => written);
    yield { kind: "pieces", spellings };
    let example = -1;
    if (!style && texts.some(Boolean)) {
      example = this.exampleOf(texts);
      const number = Math.max(this.bestOf, this.rules.candidates);
      const write = (seed, at) => this.best(texts[at], null, seed, number, at);
      const kept = yield* this.written([example], write);
      const best = kept.get(example);
      style = best.reachedLimit ? null : { strokes: best.strokes, text: best.text };
    }
    const missing = texts.flatMap((own, at) => (own && at !== example ? [at] : []));
    yield* this.written(missing, (seed, at) => this.best(texts[at], style, seed, this.bestOf, at));
  }

  /** Writes pieces; those with flaws again, a few times, and keeps the first of the best of each. */
  *written(missing, write) {
    const kept = new Map();
    const severities = new Map();
    for (let attempt = 0; attempt < this.rules.attempts && missing.length; attempt++) {
      const first = this.numDrawn;
      this.numDrawn += missing.length;
      for (const [number, at] of missing.entries()) {
        const line = yield* write(lineSeed(this.seed, first + number), at);
        const found = [...inkFlaws(line), ...(this.judge?.flaws(line) ?? [])];
        const severity = flaws(line) + found.length;
        if (kept.has(at) && severities.get(at) <= severity) continue;
        kept.set(at, line);
        severities.set(at, severity);
        yield { kind: "piece", at, line, flaws: found };
      }
      missing = missing.filter((at) => severities.get(at) > 0);
    }
    return kept;
  }

  /** The piece that shows the others what to look like. */
  exampleOf(texts) {
    const lengths = texts.map((text) => [...text].length);
    const enough = lengths.findIndex((length) => length >= this.rules.shortest_example);
    return enough >= 0 ? enough : lengths.indexOf(Math.max(...lengths));
  }

  *best(text, style, seed, number, at) {
    const lines = [];
    for (let candidate = 0; candidate < number; candidate++) {
      const own = candidateSeed(seed, candidate);
      lines.push(yield* this.line({ text, style, bias: this.bias, seed: own }, at));
    }
    if (number === 1) return lines[0];
    const scores = this.judge?.scores(lines) ?? byLogProb(lines);
    let best = 0;
    scores.forEach((score, place) => {
      if (score > scores[best]) best = place;
    });
    return lines[best];
  }

  *line(request, at) {
    const steps = this.lines.write(request);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      yield { kind: "steps", at, steps: value };
    }
  }
}

/** Words without ink, plus, for a line that did not end by itself, more than there are words. */
export function flaws(line) {
  const spans = [...line.text.matchAll(/\S+/g)].map((match) => {
    const start = [...line.text.slice(0, match.index)].length;
    return [start, start + [...match[0]].length];
  });
  const written = new Set(line.characterOfStep);
  const isBare = ([start, stop]) => {
    for (let at = start; at < stop; at++) if (written.has(at)) return false;
    return true;
  };
  return spans.filter(isBare).length + (line.reachedLimit ? spans.length + 1 : 0);
}
