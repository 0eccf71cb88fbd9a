// The settings of the Write tab, and the link that holds them.

export const INKS = [
  ["Blue-black", "#16213a"], ["Black", "#000000"], ["Blue", "#1f4fbf"], ["Green", "#14663f"],
  ["Red", "#b3261e"], ["Violet", "#6a3ea1"],
];
export const SPEEDS = [0.5, 1, 2, 4, 8, 16, Infinity];
export const PAPERS = {
  fit: ["As long as the text", 148, 210, 13], a4: ["A4", 210, 297, 18], a5: ["A5", 148, 210, 13], a6: ["A6 card", 105, 148, 9],
  letter: ["US Letter", 215.9, 279.4, 18], wide: ["A5, wide", 210, 148, 13],
};

/** An empty bias is the writer's own. */
export const DEFAULTS = {
  text: "Dear reader, these words were never written by a hand. A small model draws them stroke by stroke, right here in your browser.",
  hand: "", bias: "", speed: "3", pen: "0.45", size: "10", ink: INKS[0][1], paper: "fit",
  rules: "plain", seed: "1", drift: "0", align: "left", fit: "spacing", hyphens: "none", best: "1",
  marks: "off",
};
const CHOICES = {
  rules: ["plain", "ruled"], align: ["left", "center", "right"], fit: ["spacing", "page"],
  hyphens: ["none", "en_GB", "en_US"], best: ["1", "2", "4", "8"], marks: ["off", "colours"],
};
const LONGEST_TEXT = 100_000;
const RANGES = { bias: [0, 2], speed: [0, 6], pen: [0.1, 1.5], size: [6, 20], drift: [0, 2], seed: [0, 2 ** 53 - 1] };

/** Settings from a link's part after #, what is wrong or missing by default. */
export function settingsOfLink(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const settings = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) {
    const value = given.get(name);
    if (value !== null && isGood(name, value)) settings[name] = value;
  }
  return settings;
}

function isGood(name, value) {
  if (name in RANGES) {
    const number = Number(value);
    const [least, most] = RANGES[name];
    return value.trim() !== "" && number >= least && number <= most &&
      (!["seed", "speed"].includes(name) || Number.isInteger(number));
  }
  if (name === "ink") return /^#[0-9a-f]{6}$/i.test(value);
  if (name === "paper") return Object.hasOwn(PAPERS, value);
  if (name in CHOICES) return CHOICES[name].includes(value);
  if (name === "hand") return value.length <= 100;
  return value.length <= LONGEST_TEXT;
}

/** The part after # that gives settings again; the text and what is not as by default. */
export function linkOf(settings) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(settings)) {
    if (name === "text" || name === "seed" || name === "hand" || value !== DEFAULTS[name]) {
      given.set(name, value);
    }
  }
  return `#${given}`;
}

/** Options of the layout, see pages/layout.js. */
export function pageOptionsOf({ paper, size, rules, pen, drift, align, fit, hyphens, seed }) {
  const [, pageWidth, pageHeight, margin] = PAPERS[paper];
  return {
    pageWidth, pageHeight, margin, lineSpacing: Number(size), ruled: rules === "ruled",
    penWidth: Number(pen), fitHeight: paper === "fit", drift: Number(drift), align, fit: fit === "page",
    hyphenate: hyphens === "none" ? null : hyphens, seed: wholeSeed(seed),
  };
}

/** The seed of a setting, a whole number. */
export const wholeSeed = (seed) => Math.floor(Number(seed) || 0);
