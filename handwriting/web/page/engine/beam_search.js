// Beam search over the texts of a line by the attention decoder, CTC and a language model together
// (handwriting/runtime/beam_search.py, ctc.py).
//
// Shapes: N' frames, C vocabulary.

const [BLANK, START_OF_TEXT, END_OF_TEXT, FIRST_CHARACTER] = [0, 1, 2, 4];
const COVERAGE_FLOOR = 0.05; // of a frame that was never looked at
const COVERAGE_MARGIN = 30; // nats: with a coverage penalty, what is less likely is given up
const ALTERNATIVES_MARGIN = 6; // nats: further texts are waited for while they may be so near
const NEGLIGIBLE = 1e-15; // share of a sum over frames

/** @typedef {{beam: number, length_normalisation: number, coverage: number, ctc_weight: number,
 *   language_weight: number}} ReadingSettings */

/**
 * The likeliest texts of a line, the best first.
 * @param {import("./reader_model.js").EncodedLine} encoded
 * @param {ReadingSettings} settings
 * @param {import("./language_model.js").LanguageModel | null} language
 * @param {number} number texts that are wanted
 * @returns {{codes: number[], rank: number, joint: number}[]}
 */
export function searchJointly(encoded, settings, language, number) {
  return new BeamSearch(encoded, settings, language, number).run();
}

class BeamSearch {
  constructor(encoded, settings, language, number) {
    this.encoded = encoded;
    this.settings = settings;
    this.number = number;
    this.language = settings.language_weight > 0 ? language : null;
    this.decoder = encoded.decoder();
    this.frames = settings.ctc_weight > 0 ? new CtcFrames(encoded) : null;
    this.endings = [];
    this.hypotheses = [{
      codes: [], previous: START_OF_TEXT, joint: 0, attention: 0, language: 0,
      state: this.decoder.first, languageState: this.language?.initialState() ?? null,
      prefix: this.frames?.emptyPrefix() ?? null,
    }];
  }

  run() {
    for (let length = 0; this.hypotheses.length && !this.isDone(); length++) this.step(length);
    return this.endings;
  }

  /** One character more. */
  step(length) {
    const isFull = length >= this.encoded.frames;
    const candidates = new Best(this.settings.beam);
    for (const hypothesis of this.hypotheses) this.extensions(hypothesis, isFull, candidates);
    this.hypotheses = [];
    for (const { hypothesis, code, ...scores } of candidates.kept) {
      if (code === END_OF_TEXT) this.finish(hypothesis, scores, length + 1);
      else this.hypotheses.push(this.descended(hypothesis, code, scores));
    }
  }

  /** Offers the hypothesis with each character, or with the end. */
  extensions(hypothesis, isFull, candidates) {
    const { decoder, settings } = this;
    decoder.putBack(hypothesis.state);
    const logs = decoder.step(hypothesis.previous);
    hypothesis.after = decoder.keep();
    hypothesis.covered = settings.coverage > 0 ? decoder.coverageLog(COVERAGE_FLOOR) : 0;
    const spoken = this.language?.step(hypothesis.previous, hypothesis.languageState) ?? null;
    hypothesis.languageAfter = spoken?.state ?? null;
    const ctc = this.frames?.extensionScores(hypothesis.prefix) ?? null;
    for (let code = END_OF_TEXT; code < logs.length; code++) {
      const isNever = code > END_OF_TEXT && (code < FIRST_CHARACTER || isFull);
      if (isNever) continue;
      const attention = hypothesis.attention + logs[code];
      let joint = attention;
      if (ctc) {
        joint = settings.ctc_weight * ctc[code];
        if (settings.ctc_weight < 1) joint += (1 - settings.ctc_weight) * attention;
      }
      const language = spoken ? hypothesis.language + spoken.logs[code] : 0;
      joint += settings.language_weight * language;
      if (joint > -Infinity) candidates.add({ hypothesis, code, joint, attention, language });
    }
  }

  descended(hypothesis, code, scores) {
    return {
      ...scores, codes: [...hypothesis.codes, code], previous: code, state: hypothesis.after,
      languageState: hypothesis.languageAfter,
      prefix: this.frames?.extended(hypothesis.prefix, code) ?? null,
    };
  }

  finish(hypothesis, { joint }, length) {
    const { length_normalisation: power, coverage } = this.settings;
    const rank = joint / length ** power + coverage * hypothesis.covered;
    this.endings.push({ codes: hypothesis.codes, joint, rank });
    this.endings.sort((one, other) => other.rank - one.rank);
    this.endings.length = Math.min(this.endings.length, this.number);
  }

  /** Whether no hypothesis can still win. */
  isDone() {
    if (!this.endings.length) return false;
    const best = Math.max(...this.hypotheses.map(({ joint }) => joint));
    const [ending] = this.endings;
    const isWanted = this.endings.length < this.number;
    if (isWanted && best > ending.joint - ALTERNATIVES_MARGIN) return false;
    const { length_normalisation: power, coverage } = this.settings;
    if (coverage > 0 && best < ending.joint - COVERAGE_MARGIN) return true;
    return ending.rank >= best / (this.encoded.frames + 1) ** power;
  }
}

/** The best candidates by their joint scores. */
class Best {
  constructor(most) {
    this.most = most;
    this.kept = [];
  }

  add(candidate) {
    const { kept, most } = this;
    if (kept.length === most && candidate.joint <= kept[most - 1].joint) return;
    let at = kept.length;
    while (at > 0 && kept[at - 1].joint < candidate.joint) at--;
    kept.splice(at, 0, candidate);
    if (kept.length > most) kept.pop();
  }
}

/** Log-probabilities of beginnings of texts, given the CTC output of each frame (Graves et al. 2006,
 * section 3; Watanabe et al. 2017, section II-C). */
class CtcFrames {
  constructor({ logProbs, frames, size }) {
    this.frames = frames;
    this.size = size;
    this.logs = Float64Array.from(logProbs);
    this.probs = this.logs.map(Math.exp);
  }

  /** Paths over the first t frames, t = 0 to N', that read as nothing. */
  emptyPrefix() {
    const character = new Float64Array(this.frames + 1).fill(-Infinity);
    return { character, blank: this.sumsOf(BLANK), last: BLANK };
  }

  /** Log-probability [C] of a prefix with one more character; at the end's index that of the prefix
   * as a whole text. */
  extensionScores(prefix) {
    const { frames, size, probs, logs } = this;
    const either = eitherOf(prefix);
    const peak = greatest(either, frames);
    const scores = new Float64Array(size);
    for (let frame = 0; frame < frames; frame++) {
      const weight = Math.exp(either[frame] - peak);
      if (!(weight > NEGLIGIBLE)) continue;
      const start = frame * size;
      for (let code = 0; code < size; code++) scores[code] += weight * probs[start + code];
    }
    for (let code = 0; code < size; code++) scores[code] = Math.log(scores[code]) + peak;
    // A character that repeats the last one can only begin after a blank.
    let again = -Infinity;
    for (let frame = 0; frame < frames; frame++) {
      again = logAdd(again, prefix.blank[frame] + logs[frame * size + prefix.last]);
    }
    scores[prefix.last] = again;
    scores[END_OF_TEXT] = either[frames];
    return scores;
  }

  /** The prefix with a character. */
  extended(prefix, code) {
    const begins = code === prefix.last ? prefix.blank : eitherOf(prefix);
    const character = solved(begins, this.sumsOf(code));
    return { character, blank: solved(character, this.sumsOf(BLANK)), last: code };
  }

  /** Running sums [N'+1] of a character's log-probability. */
  sumsOf(code) {
    const sums = new Float64Array(this.frames + 1);
    for (let frame = 0; frame < this.frames; frame++) {
      sums[frame + 1] = sums[frame] + this.logs[frame * this.size + code];
    }
    return sums;
  }
}

const eitherOf = ({ character, blank }) => blank.map((log, at) => logAdd(log, character[at]));

/** Log r(t) for t = 0 to N', where r(t) = (r(t-1) + begins(t-1)) x(t) and r(0) = 0; sums are the
 * running ones of log x. */
function solved(begins, sums) {
  const found = new Float64Array(sums.length).fill(-Infinity);
  let joined = -Infinity;
  for (let at = 0; at + 1 < sums.length; at++) {
    joined = logAdd(joined, begins[at] - sums[at]);
    found[at + 1] = sums[at + 1] + joined;
  }
  return found;
}

function logAdd(one, other) {
  const top = Math.max(one, other);
  return top === -Infinity ? top : top + Math.log1p(Math.exp(-Math.abs(one - other)));
}

function greatest(values, count) {
  let found = -Number.MAX_VALUE;
  for (let at = 0; at < count; at++) found = Math.max(found, values[at]);
  return found;
}
