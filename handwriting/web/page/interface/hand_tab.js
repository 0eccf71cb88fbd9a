// My hand: lines to copy, kept in this browser, and what can be done with them.

import { inkmlOf } from "../ink/write_files.js";
import { readInkFile } from "../ink/read_files.js";
import { boundsOf } from "../ink/strokes.js";
import { download, element, make, say } from "./elements.js";
import { MY_HAND } from "./hands.js";
import { InkCanvas } from "./ink_canvas.js";
import { PROMPTS } from "./prompts.js";
import { dropAll, dropLine, keepLine, ownLines } from "./store.js";

const BASELINE = 0.68; // of the surface's height
const X_HEIGHT = 0.2;
const MARGIN = 12;
const MM_PER_PIXEL = 25.4 / 96;
const FILE = "my-hand.inkml";

/** @param {(tab: string, request: string) => void} openTab */
export async function setUpHandTab(openTab) {
  const tab = new HandTab(openTab);
  await tab.begin();
  return tab;
}

class HandTab {
  constructor(openTab) {
    this.openTab = openTab;
    this.status = element("hand-status");
    this.lines = new Map();
    this.at = 0;
    this.canvas = new InkCanvas(element("hand-canvas"), {
      onChange: () => this.changed(),
      guides: ({ height }) => [BASELINE * height, (BASELINE - X_HEIGHT) * height],
    });
    this.connect();
  }

  async begin() {
    try {
      for (const line of await ownLines()) this.lines.set(line.id, line);
    } catch (error) {
      say(this.status, `Your lines cannot be kept: ${error.message}.`, true);
    }
    const missing = PROMPTS.findIndex(({ id }) => !this.lines.has(id));
    this.go(missing < 0 ? 0 : missing);
  }

  opened() {
    this.canvas.resize();
  }

  connect() {
    const on = (id, event, call) => element(id).addEventListener(event, call);
    on("hand-undo", "click", () => this.canvas.undo());
    on("hand-clear", "click", () => this.canvas.clear());
    on("hand-before", "click", () => this.go(this.at - 1));
    on("hand-next", "click", () => this.go(this.at + 1));
    on("hand-use", "click", () => this.openTab("write", MY_HAND));
    on("hand-export", "click", () => this.export());
    on("hand-import", "click", () => element("hand-file").click());
    on("hand-delete", "click", () => this.deleteAll());
    on("hand-file", "change", ({ target }) => {
      if (target.files.length) this.import(target.files[0]);
      target.value = "";
    });
  }

  /** Shows a prompt. */
  go(at) {
    this.at = Math.min(Math.max(at, 0), PROMPTS.length - 1);
    const prompt = PROMPTS[this.at];
    element("prompt-number").textContent = `Line ${this.at + 1} of ${PROMPTS.length}`;
    element("prompt-text").textContent = prompt.text;
    element("hand-canvas").setAttribute("aria-label", `Write here: ${prompt.text}`);
    const line = this.lines.get(prompt.id);
    this.canvas.reset(line ? fitted(line, this.canvas.size) : []);
    this.show();
  }

  async changed() {
    const { id, text } = PROMPTS[this.at];
    const { strokes, size } = this.canvas;
    this.show();
    try {
      if (strokes.length) {
        const line = { id, text, strokes, ...size };
        this.lines.set(id, line);
        await keepLine(line);
      } else {
        this.lines.delete(id);
        await dropLine(id);
      }
      element("hand-canvas").dataset.kept = String(strokes.length);
      say(this.status, strokes.length ? "Kept in this browser." : "");
    } catch (error) {
      say(this.status, `It is not kept: ${error.message}.`, true);
    }
    this.show();
  }

  show() {
    const count = this.lines.size;
    element("prompts").replaceChildren(...PROMPTS.map(({ id, text }, at) => {
      const isDone = this.lines.has(id);
      const button = make("button", { type: "button", textContent: isDone ? `${at + 1} ✓` : `${at + 1}` });
      button.classList.toggle("done", isDone);
      button.setAttribute("aria-label", `Line ${at + 1}${isDone ? ", written" : ""}: ${text}`);
      if (at === this.at) button.setAttribute("aria-current", "step");
      button.addEventListener("click", () => {
        this.go(at);
        element("prompts").children[at].firstChild.focus();
      });
      return make("li", {}, button);
    }));
    element("hand-undo").disabled = !this.canvas.history.length;
    element("hand-clear").disabled = !this.canvas.strokes.length;
    element("hand-before").disabled = this.at === 0;
    element("hand-next").disabled = this.at === PROMPTS.length - 1;
    for (const id of ["hand-use", "hand-export", "hand-delete"]) element(id).disabled = !count;
    element("hand-summary").textContent = count
      ? `${count} of ${PROMPTS.length} lines written.` +
        (count < PROMPTS.length ? " More lines are for training a model on your hand." : "")
      : "No line yet.";
  }

  export() {
    const lines = PROMPTS.map(({ id }) => this.lines.get(id)).filter(Boolean);
    const width = Math.max(...lines.map((line) => line.width)) * MM_PER_PIXEL;
    let top = 0;
    const placed = lines.map(({ text, strokes, height }) => {
      const shift = top;
      top += height * MM_PER_PIXEL;
      const moved = strokes.map((stroke) =>
        stroke.map(([x, y]) => [x * MM_PER_PIXEL, y * MM_PER_PIXEL + shift]),
      );
      return { text, strokes: moved };
    });
    const page = { width, height: top, lines: placed };
    download(FILE, new Blob([inkmlOf(page, "me")], { type: "application/inkml+xml" }));
  }

  async import(file) {
    try {
      const byText = new Map(PROMPTS.map(({ id, text }) => [text, id]));
      const found = (await readInkFile(file)).filter(({ text }) => byText.has(text));
      if (!found.length) throw new Error(`${file.name}: none of the lines of this page is in it`);
      for (const { text, strokes } of found) {
        const id = byText.get(text);
        const line = { id, text, ...inPixels(strokes) };
        this.lines.set(id, line);
        await keepLine(line);
      }
      this.go(this.at);
      say(this.status, found.length === 1 ? "One line is there." : `${found.length} lines are there.`);
    } catch (error) {
      say(this.status, error.message, true);
    }
  }

  async deleteAll() {
    if (!confirm("Delete all lines of your hand from this browser?")) return;
    await dropAll();
    this.lines.clear();
    this.go(0);
    say(this.status, "Deleted.");
  }
}

/** Strokes in mm as those of a line that was drawn here. */
function inPixels(strokes) {
  const points = strokes.flat();
  const [left, top] = [0, 1].map((axis) => points.reduce((least, point) => Math.min(least, point[axis]), Infinity));
  const moved = strokes.map((stroke) =>
    stroke.map(([x, y]) => [(x - left) / MM_PER_PIXEL + 16, (y - top) / MM_PER_PIXEL + 16, 0, 0.5]),
  );
  const [right, bottom] = [0, 1].map((axis) =>
    moved.flat().reduce((most, point) => Math.max(most, point[axis]), 0),
  );
  return { strokes: moved, width: right + 16, height: bottom + 16 };
}

/** A line's strokes in a surface: where they were if it has the line's size, else in its middle. */
function fitted({ strokes, width, height }, size) {
  if (width === size.width && height === size.height) return strokes;
  const box = boundsOf(strokes);
  const [across, down] = [box.right - box.left, box.bottom - box.top];
  const room = [size.width - 2 * MARGIN, size.height - 2 * MARGIN];
  const scale = Math.min(room[0] / Math.max(across, 1), room[1] / Math.max(down, 1));
  const left = (size.width - scale * across) / 2;
  const middle = (BASELINE - X_HEIGHT / 2) * size.height - (scale * down) / 2;
  const top = Math.max(Math.min(middle, size.height - MARGIN - scale * down), MARGIN);
  return strokes.map((stroke) => stroke.map(([x, y, ...rest]) => [
    left + scale * (x - box.left), top + scale * (y - box.top), ...rest,
  ]));
}
