// The hands that a text can be written in: made-up ones, one's own, or a new one from the seed.

import { madeHands } from "../engine/client.js";
import { boundsOf, pointsOfStrokes } from "../ink/strokes.js";
import { make } from "./elements.js";
import { ownStyle } from "./own_hand.js";

export const NEW_HAND = "new";
export const MY_HAND = "mine";
const EDGE = 4;

/** @typedef {{id: string, name: string, about: string, style: object | null, bias: number | null,
 *   isThere: boolean}} Hand */

/**
 * All hands, the made-up ones first.
 * @param {object} about of the writer
 * @returns {Promise<Hand[]>}
 */
export async function allHands(about) {
  const made = (await madeHands()).map(({ name, text, bias, strokes }) => ({
    id: name, name, about: "", bias, style: { text, strokes }, isThere: true,
  }));
  return [...made, await myHand(about), {
    id: NEW_HAND, name: "A new hand", about: "Another one with each seed", style: null, bias: null,
    isThere: true,
  }];
}

async function myHand(about) {
  const style = await ownStyle(about).catch(() => null);
  return {
    id: MY_HAND, name: "My hand", about: style ? "" : "Write a line to add yours", bias: null,
    style, isThere: style !== null,
  };
}

/**
 * Shows hands as a group of radio buttons.
 * @param {HTMLElement} container
 * @param {Hand[]} hands
 * @param {string} chosen
 * @param {(hand: Hand) => void} onChoice
 */
export function showHands(container, hands, chosen, onChoice) {
  const pictures = [];
  container.replaceChildren(...hands.map((hand) => {
    const input = make("input", {
      type: "radio", name: "hand", value: hand.id, checked: hand.id === chosen,
    });
    input.addEventListener("change", () => onChoice(hand));
    const picture = hand.style
      ? make("canvas", { width: 320, height: 80 })
      : make("span", { className: "about", textContent: hand.about });
    if (hand.style) picture.setAttribute("aria-hidden", "true");
    const label = make("label", { className: "hand" }, input, picture,
      make("span", { className: "name", textContent: hand.name }));
    if (hand.style) pictures.push([picture, hand.style.strokes]);
    return label;
  }));
  // Their colour is that of the page that they are in now.
  for (const [picture, strokes] of pictures) paintThumbnail(picture, strokes);
}

/** The beginning of a line, as large as the picture takes it. */
export function paintThumbnail(canvas, rows) {
  const strokes = pointsOfStrokes(rows);
  const { left, top, bottom } = boundsOf(strokes);
  const context = canvas.getContext("2d");
  const scale = (canvas.height - 2 * EDGE) / Math.max(bottom - top, 1e-6);
  const colour = getComputedStyle(canvas).getPropertyValue("--ink");
  const place = ([x, y]) => [EDGE + scale * (x - left), EDGE + scale * (bottom - y)];
  const right = canvas.width / scale + left;
  Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: 3, strokeStyle: colour });
  for (const stroke of strokes) {
    if (stroke[0][0] > right) continue;
    context.beginPath();
    context.moveTo(...place(stroke[0]));
    for (const point of stroke) context.lineTo(...place(point));
    context.stroke();
  }
}
