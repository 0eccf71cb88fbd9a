// Random numbers that are the same in every runtime (docs/export.md): Philox4x32-10 (Salmon, Moraes,
// Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). A seed is [low, high], whole
// numbers of 32 bits.

const [NOISE, LINE, CANDIDATE] = [0, 1, 2];
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57];
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85];
const ROUNDS = 10;
const WORD = 2 ** 32;

/** High word of the product of two words. */
function highProduct(a, b) {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const other = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(other / 0x10000)) >>> 0;
}

/** The four words that a key and a counter of four words give. */
export function randomWords(key, counter) {
  let [a, b, c, d] = counter;
  let [first, second] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const [ofA, ofC] = [highProduct(a, MULTIPLIERS[0]), highProduct(c, MULTIPLIERS[1])];
    const next = [ofC ^ b ^ first, Math.imul(c, MULTIPLIERS[1]), ofA ^ d ^ second];
    d = Math.imul(a, MULTIPLIERS[0]) >>> 0;
    [a, b, c] = next.map((word) => word >>> 0);
    first = (first + KEY_STEPS[0]) >>> 0;
    second = (second + KEY_STEPS[1]) >>> 0;
  }
  return [a, b, c, d];
}

/** The noise of a line's pen step: two numbers uniform in [0, 1), two normal ones. */
export function penNoise(seed, step) {
  const [a, b, c, d] = randomWords(seed, [step, 0, 0, NOISE]);
  const radius = Math.sqrt(-2 * Math.log((c + 1) / WORD));
  const angle = d * ((2 * Math.PI) / WORD);
  const [x, y] = [radius * Math.cos(angle), radius * Math.sin(angle)];
  return [(a >>> 8) / 2 ** 24, (b >>> 8) / 2 ** 24, Math.fround(x), Math.fround(y)];
}

/** The seed of one of the lines that are drawn for a text, counted from 0. */
export function lineSeed(seed, number) {
  return randomWords(seed, [number, 0, 0, LINE]).slice(0, 2);
}

/** The seed of one of several candidates of a line; the first has the line's own. */
export function candidateSeed(seed, candidate) {
  return candidate ? randomWords(seed, [candidate, 0, 0, CANDIDATE]).slice(0, 2) : seed;
}

/** A seed of a whole number from 0 to 2 ** 53. */
export function seedOf(number) {
  return [number % WORD, Math.floor(number / WORD)];
}
