// Read: ink to text, while it is drawn or from a file.

import { Engine } from "../engine/client.js";
import { readInkFile } from "../ink/read_files.js";
import { boundsOf } from "../ink/strokes.js";
import { copyText, element, make, say, whenQuiet } from "./elements.js";
import { InkCanvas } from "./ink_canvas.js";

const PAUSE = 300; // ms without a new stroke before it is read
const SURE = 0.9;
const RULE_PITCH = 90;
const MARGIN = 24;

export async function setUpReadTab() {
  const tab = new ReadTab();
  await tab.begin();
  return tab;
}

class ReadTab {
  constructor() {
    this.status = element("read-status");
    this.engine = new Engine("reader", (message) => this.answered(message));
    this.canvas = new InkCanvas(element("read-canvas"), {
      onChange: () => this.changed(),
      guides: ({ height }) =>
        Array.from({ length: Math.floor(height / RULE_PITCH) }, (_, at) => (at + 1) * RULE_PITCH - 16),
    });
    this.request = 0;
    this.hasBoxes = false;
    this.lines = [];
    this.readSoon = whenQuiet(PAUSE, () => this.read());
    this.connect();
  }

  async begin() {
    say(this.status, "Loading the reader …");
    try {
      await this.engine.load();
      say(this.status, this.engine.isCompiled ? "" : "No WebAssembly here: reading is slow.");
      element("panel-read").dataset.state = "ready";
      if (this.canvas.strokes.length) this.read();
    } catch (error) {
      say(this.status, `The reader could not be started: ${error.message}.`, true);
    }
  }

  opened() {
    this.canvas.resize();
  }

  connect() {
    const on = (id, event, call) => element(id).addEventListener(event, call);
    on("read-pen", "click", () => this.choose("pen"));
    on("read-eraser", "click", () => this.choose("eraser"));
    on("read-undo", "click", () => this.canvas.undo());
    on("read-redo", "click", () => this.canvas.redo());
    on("read-clear", "click", () => this.canvas.clear());
    on("read-boxes", "click", () => this.toggleBoxes());
    on("read-open", "click", () => element("read-file").click());
    on("read-file", "change", ({ target }) => {
      if (target.files.length) this.open(target.files[0]);
      target.value = "";
    });
    on("read-copy", "click", () => copyText(this.text(), this.status, "The text is copied."));
    const area = element("read-drop");
    area.addEventListener("dragover", (event) => {
      event.preventDefault();
      area.classList.add("over");
    });
    area.addEventListener("dragleave", () => area.classList.remove("over"));
    area.addEventListener("drop", (event) => {
      event.preventDefault();
      area.classList.remove("over");
      if (event.dataTransfer.files.length) this.open(event.dataTransfer.files[0]);
    });
    document.addEventListener("click", ({ target }) => {
      if (!target.closest?.(".word, .popover")) this.closeAlternatives();
    });
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.closeAlternatives(true);
    });
  }

  choose(tool) {
    this.canvas.tool = tool;
    element("read-pen").setAttribute("aria-pressed", String(tool === "pen"));
    element("read-eraser").setAttribute("aria-pressed", String(tool === "eraser"));
  }

  /** Boxes around all words, or around that alone which is pointed at. */
  toggleBoxes() {
    this.hasBoxes = !this.hasBoxes;
    element("read-boxes").setAttribute("aria-pressed", String(this.hasBoxes));
    this.showBoxes();
  }

  showBoxes() {
    const isShown = this.hasBoxes && this.readStrokes === this.canvas.strokes;
    const boxes = this.lines.flatMap((line) => line.words.map((word) => this.boxOf(line, word)));
    this.canvas.showBoxes(isShown ? boxes.filter(Boolean) : []);
  }

  changed() {
    const isEmpty = !this.canvas.strokes.length;
    element("read-text").dataset.state = isEmpty ? "empty" : "reading";
    element("read-hint").hidden = !isEmpty;
    element("read-undo").disabled = !this.canvas.history.length;
    element("read-redo").disabled = !this.canvas.future.length;
    element("read-clear").disabled = isEmpty;
    if (isEmpty) {
      this.request++;
      this.show([]);
    } else {
      this.readSoon();
    }
  }

  async open(file) {
    try {
      const lines = await readInkFile(file);
      const strokes = lines.flatMap((line) => line.strokes);
      this.canvas.replace(fitted(strokes, this.canvas.size));
      say(this.status, `${file.name}: ${strokes.length} strokes`);
    } catch (error) {
      say(this.status, error.message, true);
    }
  }

  // --- reading -----------------------------------------------------------------------------------

  async read() {
    const { strokes } = this.canvas;
    if (!strokes.length) return;
    const id = ++this.request;
    this.readStrokes = strokes;
    try {
      await this.engine.send({ kind: "read", id, strokes: strokes.map((stroke) => stroke.map(([x, y]) => [x, y])) });
    } catch (error) {
      say(this.status, `Reading failed: ${error.message}.`, true);
    }
  }

  answered(message) {
    if (message.kind === "error") {
      say(this.status, `Reading failed: ${message.message}.`, true);
    } else if (message.kind === "read" && message.id === this.request) {
      if (!this.status.classList.contains("wrong")) say(this.status, "");
      this.show(message.lines);
      // More may have been drawn since it was asked for.
      if (this.readStrokes === this.canvas.strokes) element("read-text").dataset.state = "read";
    }
  }

  text() {
    return this.lines.map((line) => line.words.map(({ text }) => text).join(" ")).join("\n");
  }

  show(lines) {
    this.closeAlternatives();
    this.lines = lines;
    element("read-copy").disabled = !this.text().trim();
    element("read-text").replaceChildren(...lines.map((line) => {
      const words = line.words.flatMap((word) => [this.wordButton(line, word), " "]);
      return make("span", { className: "line" }, ...words);
    }));
    this.showBoxes();
  }

  wordButton(line, word) {
    const button = make("button", { type: "button", className: "word", textContent: word.text });
    button.style.setProperty("--sure", word.confidence.toFixed(2));
    button.classList.toggle("unsure", word.confidence < SURE);
    button.title = `${Math.round(100 * word.confidence)} % sure`;
    button.setAttribute("aria-haspopup", "listbox");
    const mark = () => this.canvas.mark(this.boxOf(line, word));
    button.addEventListener("pointerenter", mark);
    button.addEventListener("focus", mark);
    const unmark = () => {
      if (this.opener !== button) this.canvas.mark(null);
    };
    button.addEventListener("pointerleave", unmark);
    button.addEventListener("blur", unmark);
    button.addEventListener("click", () => {
      this.openAlternatives(button, word);
      mark();
    });
    return button;
  }

  /** The box of a word's ink on the surface. */
  boxOf(line, { rows: [first, stop] }) {
    const points = line.strokes.flatMap((at) => this.readStrokes[at] ?? []);
    return boundsOf([points.slice(first, stop)]);
  }

  openAlternatives(button, word) {
    this.closeAlternatives();
    const list = element("alternatives");
    const choices = word.alternatives.length ? word.alternatives : [];
    list.replaceChildren(...choices.map((text) => {
      const choice = make("button", { type: "button", textContent: text });
      choice.setAttribute("role", "option");
      choice.addEventListener("click", () => {
        const others = word.alternatives.filter((each) => each !== text);
        word.alternatives = [word.text, ...others];
        word.text = text;
        button.textContent = text;
        this.closeAlternatives(true);
      });
      return choice;
    }));
    if (!choices.length) list.replaceChildren(make("p", { className: "small", textContent: "No other reading." }));
    const box = button.getBoundingClientRect();
    list.hidden = false;
    const left = Math.min(box.left, innerWidth - list.offsetWidth - 8);
    list.style.left = `${Math.max(left, 8) + scrollX}px`;
    const isAbove = box.bottom + list.offsetHeight > innerHeight && box.top > list.offsetHeight;
    const top = isAbove ? box.top - list.offsetHeight - 4 : box.bottom + 4;
    list.style.top = `${top + scrollY}px`;
    button.setAttribute("aria-expanded", "true");
    this.opener = button;
    list.querySelector("button")?.focus({ preventScroll: true });
  }

  closeAlternatives(isFocusing = false) {
    const { opener } = this;
    this.opener = null;
    element("alternatives").hidden = true;
    if (!opener) return;
    opener.setAttribute("aria-expanded", "false");
    this.canvas.mark(null);
    if (isFocusing) opener.focus();
  }
}

/** Strokes moved and scaled into a surface. */
function fitted(strokes, { width, height }) {
  const box = boundsOf(strokes);
  const [across, down] = [Math.max(box.right - box.left, 1e-9), Math.max(box.bottom - box.top, 1e-9)];
  const scale = Math.min((width - 2 * MARGIN) / across, (height - 2 * MARGIN) / down);
  return strokes.map((stroke) => stroke.map(([x, y]) => [
    MARGIN + scale * (x - box.left), MARGIN + scale * (y - box.top), 0, 0.5,
  ]));
}
