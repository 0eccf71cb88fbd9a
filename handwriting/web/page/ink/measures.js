// How large writing is (handwriting/ink/measures.py).

const [CAPITALS, DIGITS] = [1.75, 1.6];

/**
 * About the height of small letters, joined or not: half of the pen's vertical way is in runs up or
 * down that are longer.
 * @param {number[][][]} strokes points
 * @param {string} text what they say, if that is known
 */
export function xHeight(strokes, text = "") {
  const runs = [0, ...strokes.flatMap(verticalRuns)].sort((a, b) => a - b);
  const total = runs.reduce((sum, run) => sum + run, 0);
  let way = 0;
  const middle = runs.find((run) => (way += run) >= total / 2) ?? 0;
  return middle / runInXHeights(text);
}

function verticalRuns(stroke) {
  const runs = [];
  let [run, before] = [0, 0];
  for (let at = 1; at < stroke.length; at++) {
    const step = stroke[at][1] - stroke[at - 1][1];
    if (step === 0) continue;
    if (before && Math.sign(step) !== before) {
      runs.push(Math.abs(run));
      run = 0;
    }
    run += step;
    before = Math.sign(step);
  }
  return run ? [...runs, Math.abs(run)] : runs;
}

function runInXHeights(text) {
  const letters = [...text].filter((character) => /[\p{L}\p{N}]/u.test(character));
  if (!letters.length) return 1;
  const share = (kind) => letters.filter((character) => kind.test(character)).length / letters.length;
  return CAPITALS ** share(/\p{Lu}/u) * DIGITS ** share(/\p{Nd}/u);
}
