// Imperfection of people's lines: they leave their height, their slope and their margin a little
// (handwriting/pages/drift.py).

// Standard deviations for a drift of 1, in x-heights unless said otherwise.
const SLOPE = 0.006; // a rise to the right, in heights a width
const [WANDER, MARGIN, WORD] = [0.1, 0.5, 0.06];
const SIZE = 0.02; // of a word against the page's
const WAVES = [60, 25]; // lengths, in x-heights

/**
 * Draws the drift of a line; lengths are in mm.
 * @param {number} amount 0 for none, about 1 for a person without ruled paper
 * @param {number} xHeight
 * @param {number} count words on the line
 * @param {import("./random.js").Generator} generator
 * @returns {{margin: number, height: (x: number) => number, words: number[], sizes: number[]}}
 */
export function lineDrift(amount, xHeight, count, generator) {
  const normals = (number) => Array.from({ length: number }, () => generator.normal());
  const drawn = normals(2 + WAVES.length);
  const phases = WAVES.map(() => generator.uniform(0, 2 * Math.PI));
  const waves = WAVES.map((length, at) => ({
    size: amount * WANDER * xHeight * drawn[2 + at], length: length * xHeight, phase: phases[at],
  }));
  const slope = amount * SLOPE * drawn[1];
  return {
    margin: amount * MARGIN * xHeight * Math.abs(drawn[0]),
    height: (x) => waves.reduce(
      (sum, { size, length, phase }) =>
        sum + size * (Math.sin((2 * Math.PI * x) / length + phase) - Math.sin(phase)),
      slope * x,
    ),
    words: normals(count).map((value) => amount * WORD * xHeight * value),
    sizes: normals(count).map((value) => Math.exp(amount * SIZE * value)),
  };
}
