// Texts from the CTC output (Graves et al. 2006): the best path, a search over prefixes, and which
// frames each character of a text was read from. The blank is the vocabulary's padding.

const BLANK = 0;
const FIRST_CHARACTER = 4;
const LIKELY = 1e-3; // less likely characters of a frame are not looked at
const NEVER = -1e9;

/** The codes that the most likely path reads as. */
export function bestPath({ logProbs, frames, size }) {
  const codes = [];
  let before = BLANK;
  for (let frame = 0; frame < frames; frame++) {
    let best = BLANK;
    for (let at = FIRST_CHARACTER; at < size; at++) {
      if (logProbs[frame * size + at] > logProbs[frame * size + best]) best = at;
    }
    if (best !== BLANK && best !== before) codes.push(best);
    before = best;
  }
  return codes;
}

/**
 * The likeliest texts, by a search over their beginnings.
 * @param {{logProbs: Float32Array, frames: number, size: number}} encoded
 * @param {number} width beginnings that are kept
 * @param {[number, number]} span the first frame and the one after the last
 * @returns {{codes: number[], log: number}[]} best first
 */
export function searchTexts(encoded, width, span = [0, encoded.frames]) {
  const { logProbs, size } = encoded;
  let beam = [{ codes: [], key: "", blank: 1, character: 0 }];
  let scale = 0;
  for (let frame = span[0]; frame < span[1]; frame++) {
    const probs = likely(logProbs.subarray(frame * size, (frame + 1) * size));
    beam = extended(beam, probs, width);
    const total = beam[0].blank + beam[0].character;
    if (!(total > 0)) return [];
    scale += Math.log(total);
    for (const prefix of beam) {
      prefix.blank /= total;
      prefix.character /= total;
    }
  }
  return beam.map(({ codes, blank, character }) => ({
    codes, log: scale + Math.log(blank + character),
  }));
}

function likely(logs) {
  const probs = [[BLANK, Math.exp(logs[BLANK])]];
  for (let at = FIRST_CHARACTER; at < logs.length; at++) {
    const prob = Math.exp(logs[at]);
    if (prob > LIKELY) probs.push([at, prob]);
  }
  return probs;
}

function extended(beam, probs, width) {
  const found = new Map();
  const at = (codes, key) => {
    let prefix = found.get(key);
    if (!prefix) found.set(key, (prefix = { codes, key, blank: 0, character: 0 }));
    return prefix;
  };
  for (const { codes, key, blank, character } of beam) {
    const last = codes[codes.length - 1];
    for (const [code, prob] of probs) {
      if (code === BLANK) {
        at(codes, key).blank += prob * (blank + character);
        continue;
      }
      if (code === last) at(codes, key).character += prob * character;
      const entering = code === last ? blank : blank + character;
      if (entering > 0) {
        at([...codes, code], key + String.fromCharCode(code)).character += prob * entering;
      }
    }
  }
  const kept = [...found.values()];
  kept.sort((a, b) => b.blank + b.character - a.blank - a.character);
  return kept.slice(0, width);
}

/** The log-probability of a text: the sum over all paths that read so. */
export function textLog({ logProbs, frames, size }, codes) {
  const states = [BLANK, ...codes.flatMap((code) => [code, BLANK])];
  let logs = states.map((code, at) => (at < 2 ? logProbs[code] : NEVER));
  for (let frame = 1; frame < frames; frame++) {
    logs = states.map((code, at) => {
      const canSkip = at > 1 && code !== BLANK && code !== states[at - 2];
      const before = [logs[at], at > 0 ? logs[at - 1] : NEVER, canSkip ? logs[at - 2] : NEVER];
      return logSum(before) + logProbs[frame * size + code];
    });
  }
  return logSum(logs.slice(-2));
}

function logSum(logs) {
  const top = Math.max(...logs);
  return top <= NEVER ? NEVER : top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0));
}

/**
 * The frames of each character of a text, on its likeliest path.
 * @returns {{first: number, last: number, prob: number}[]} of each code: prob is the greatest
 *   probability that it has in a frame of its own
 */
export function alignText({ logProbs, frames, size }, codes) {
  const states = [BLANK, ...codes.flatMap((code) => [code, BLANK])];
  const from = [];
  let scores = states.map((code, at) => (at < 2 ? logProbs[code] : NEVER));
  for (let frame = 1; frame < frames; frame++) {
    const before = [];
    scores = states.map((code, at) => {
      let best = at;
      if (at > 0 && scores[at - 1] > scores[best]) best = at - 1;
      const canSkip = at > 1 && code !== BLANK && code !== states[at - 2];
      if (canSkip && scores[at - 2] > scores[best]) best = at - 2;
      before.push(best);
      return scores[best] + logProbs[frame * size + code];
    });
    from.push(before);
  }
  let state = states.length - 1;
  if (state > 0 && scores[state - 1] > scores[state]) state--;
  const spans = codes.map(() => ({ first: frames, last: -1, prob: 0 }));
  for (let frame = frames - 1; frame >= 0; frame--) {
    if (state % 2) {
      const span = spans[(state - 1) / 2];
      span.first = Math.min(span.first, frame);
      span.last = Math.max(span.last, frame);
      span.prob = Math.max(span.prob, Math.exp(logProbs[frame * size + states[state]]));
    }
    if (frame) state = from[frame - 1][state];
  }
  return spans;
}
