// The ink of a line cut into words, with nothing of it lost (handwriting/pages/words.py): the window
// over the text proposes where each stroke belongs, and in doubt the ink decides.

import { extentOf, partOf } from "./aligned_text.js";
import { clamp, least, most } from "./numbers.js";

const SHORT_RUN = 4;
const [CLEAR, CLEAR_END, WORD_GAP] = [0.8, 0.2, 0.5];
const BODY = [-0.2, 1.2];
const MOST_ASTRAY = 8;

/**
 * Cuts levelled ink into the words of a text.
 * @returns {{words: {text: string, newlines: number, strokes: object[], space: string,
 *   start: number}[], newlines: number, withoutInk: string[]}} newlines before each word, and after
 *   the last; the spaces and tabs just before each, and its place in the text
 */
export function splitWords(strokes, text, xHeight) {
  const characters = [...text];
  let spans = wordSpans(characters);
  if (!spans.length) spans = [[0, 0]];
  const groups = new Array(Math.max(characters.length, 1)).fill(-1);
  spans.forEach(([start, stop], group) => groups.fill(group, start, Math.max(stop, start + 1)));
  const inks = splitStrokes(strokes, groups, spans.length, xHeight);
  const [words, withoutInk] = [[], []];
  let end = 0;
  const newlinesTo = (place) => characters.slice(end, place).filter((each) => each === "\n").length;
  spans.forEach(([start, stop], group) => {
    const own = characters.slice(start, stop).join("");
    if (inks[group].length) {
      const ink = inks[group].map((stroke) => renumbered(stroke, start, stop));
      const space = spaceBefore(characters, start);
      words.push({ text: own, newlines: newlinesTo(start), strokes: ink, space, start });
      end = stop;
    } else if (stop > start) {
      withoutInk.push(own);
    }
  });
  return { words, newlines: newlinesTo(characters.length), withoutInk };
}

function spaceBefore(characters, start) {
  let first = start;
  while (first > 0 && " \t".includes(characters[first - 1])) first--;
  return characters.slice(first, start).join("");
}

function wordSpans(characters) {
  const spans = [];
  let first = -1;
  for (let at = 0; at <= characters.length; at++) {
    const isInk = at < characters.length && /\S/.test(characters[at]);
    if (isInk && first < 0) first = at;
    if (!isInk && first >= 0) {
      spans.push([first, at]);
      first = -1;
    }
  }
  return spans;
}

/** Strokes of each of several groups of characters; groups has each character's, -1 for none. */
export function splitStrokes(strokes, groups, count, xHeight) {
  const placed = withAllPlaced(
    strokes.flatMap((stroke, index) => piecesOf(stroke, index, groups, xHeight)),
  );
  const members = Array.from({ length: count }, () => []);
  for (const piece of placed) members[piece.group].push(piece);
  const present = members.flatMap((pieces, group) => (pieces.length ? [group] : []));
  for (const findBorder of [borderByCut, borderByStrays]) {
    for (let at = 0; at + 1 < present.length; at++) {
      const [before, after] = [present[at], present[at + 1]];
      const pieces = [...members[before], ...members[after]];
      const border = findBorder(members[before], members[after], xHeight);
      members[before] = pieces.slice(0, border);
      members[after] = pieces.slice(border);
    }
  }
  return members.map((pieces) => joined(pieces, strokes));
}

function renumbered({ points, characters }, start, stop) {
  const last = Math.max(stop - start - 1, 0);
  return { points, characters: characters.map((at) => clamp(at - start, 0, last)) };
}

/** A stroke cut where the group that its steps point to changes. */
function piecesOf(stroke, index, groups, xHeight) {
  const runs = longRuns(stroke.characters.map((at) => groups[at]));
  return runs.map(([group, start, stop], at) => {
    const first = at ? (runs[at - 1][2] - 1 + start) >> 1 : 0;
    const last = at + 1 < runs.length ? (stop - 1 + runs[at + 1][1]) >> 1 : stroke.points.length - 1;
    const part = partOf(stroke, first, last + 1);
    return { stroke: part, group, origin: [index, first, last + 1], span: bodySpan(part, xHeight) };
  });
}

function bodySpan(stroke, xHeight) {
  const body = stroke.points.filter(([, y]) => y > BODY[0] * xHeight && y < BODY[1] * xHeight);
  return extentOf([{ points: body.length ? body : stroke.points }]);
}

const spanOf = (pieces) => [
  least(pieces.map(({ span }) => span[0])), most(pieces.map(({ span }) => span[1])),
];

/** Runs [group, first step, step after the last], less those too short to count. */
function longRuns(ofStep) {
  const at = ofStep.flatMap((group, step) => (group >= 0 ? [step] : []));
  if (!at.length) return [[-1, 0, ofStep.length]];
  const runs = [];
  at.forEach((step, number) => {
    const latest = runs[runs.length - 1];
    if (latest && latest.group === ofStep[step]) latest.steps.push(at[number]);
    else runs.push({ group: ofStep[step], steps: [step] });
  });
  const fewest = Math.min(SHORT_RUN, most(runs.map(({ steps }) => steps.length)));
  const kept = [];
  for (const { group, steps } of runs.filter((run) => run.steps.length >= fewest)) {
    const stop = steps[steps.length - 1] + 1;
    const latest = kept[kept.length - 1];
    if (latest && latest[0] === group) latest[2] = stop;
    else kept.push([group, steps[0], stop]);
  }
  return kept;
}

/** Pieces that point to no group given to the nearer of the groups before and after them. */
function withAllPlaced(pieces) {
  const spans = new Map();
  for (const { group, span } of pieces) {
    if (group < 0) continue;
    const [left, right] = spans.get(group) ?? [Infinity, -Infinity];
    spans.set(group, [Math.min(left, span[0]), Math.max(right, span[1])]);
  }
  const placed = [];
  pieces.forEach((piece, at) => {
    if (piece.group >= 0) {
      placed.push(piece);
      return;
    }
    const near = placed.slice(-1).map(({ group }) => group);
    const after = pieces.slice(at).find(({ group }) => group >= 0);
    if (after) near.push(after.group);
    const middle = middleOf(piece);
    let group = 0;
    if (near.length) {
      group = near.reduce((best, each) =>
        distance(middle, spans.get(each)) < distance(middle, spans.get(best)) ? each : best,
      );
    }
    if (!spans.has(group)) spans.set(group, piece.span);
    placed.push({ ...piece, group });
  });
  return placed;
}

function borderByCut(before, after, xHeight) {
  if (before[before.length - 1].origin[0] !== after[0].origin[0]) return before.length;
  const pieces = [...before, ...after];
  const moves = endsShorter(before, after) ? [-1, 1] : [1, -1];
  for (const border of moves.map((move) => before.length + move)) {
    if (border <= 0 || border >= pieces.length) continue;
    const gap = spanOf(pieces.slice(border))[0] - spanOf(pieces.slice(0, border))[1];
    if (gap > WORD_GAP * xHeight) return border;
  }
  return before.length;
}

function borderByStrays(before, after, xHeight) {
  const late = countAstray(after, before, xHeight);
  const early = countAstray([...before].reverse(), after, xHeight);
  const isEarly = early && (!late || endsShorter(before, after));
  return before.length + (isEarly ? -early : late);
}

function endsShorter(before, after) {
  const [last, first] = [before[before.length - 1], after[0]];
  const isCut = last.origin[0] === first.origin[0];
  return isCut && last.stroke.points.length < first.stroke.points.length;
}

/** How many first pieces of own are far from the rest of it and much nearer to other; never all. */
function countAstray(own, other, xHeight) {
  const target = spanOf(other);
  const shared = new Set(other.map(({ origin }) => origin[0]));
  const mostAstray = Math.min(MOST_ASTRAY, own.length - 1);
  let total = 0;
  const sizes = own.map(({ stroke }) => (total += stroke.points.length));
  for (let count = mostAstray; count > 0; count--) {
    if (shared.has(own[0].origin[0]) && 2 * sizes[count - 1] > total) continue;
    const rest = spanOf(own.slice(count));
    const isAstray = own.slice(0, count).every((piece) => {
      const middle = middleOf(piece);
      const toOwn = distance(middle, rest);
      const clear = xHeight * (shared.has(piece.origin[0]) ? CLEAR_END : CLEAR);
      return toOwn > clear && 2 * distance(middle, target) < toOwn;
    });
    if (isAstray) return count;
  }
  return 0;
}

function middleOf({ stroke }) {
  const x = stroke.points.map((point) => point[0]).sort((a, b) => a - b);
  return x[x.length >> 1];
}

const distance = (x, [left, right]) => Math.max(left - x, x - right, 0);

/** Pieces as strokes; those that follow each other in one stroke are one again. */
function joined(pieces, strokes) {
  const origins = pieces.map(({ origin }) => origin);
  origins.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  const kept = [];
  for (const [index, first, stop] of origins) {
    const latest = kept[kept.length - 1];
    if (latest && latest[0] === index && latest[2] === first + 1) latest[2] = stop;
    else kept.push([index, first, stop]);
  }
  return kept.map(([index, first, stop]) => partOf(strokes[index], first, stop));
}
