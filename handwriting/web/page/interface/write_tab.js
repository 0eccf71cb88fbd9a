// Write: a text in a hand, page by page.

import { Engine } from "../engine/client.js";
import { seedOf } from "../engine/noise.js";
import { parseMarkup } from "../ink/markup.js";
import {
  knownCharacters, unknownCharacters, writableText,
} from "../ink/writable_text.js";
import { unpackPage } from "../pages/packed.js";
import { copyText, download, element, make, say, whenQuiet } from "./elements.js";
import { MY_HAND, allHands, showHands } from "./hands.js";
import { filesOf } from "./page_files.js";
import { PageView } from "./page_view.js";
import {
  DEFAULTS, INKS, PAPERS, SPEEDS, linkOf, pageOptionsOf, settingsOfLink, wholeSeed,
} from "./settings.js";

const MOST_SEED = 1_000_000;
const FIELDS = [
  "text", "bias", "speed", "pen", "size", "paper", "rules", "seed", "drift", "align", "fit", "hyphens",
  "best", "marks",
];
// What changes the layout alone, and what changes the ink.
const OF_LAYOUT = ["pen", "size", "paper", "rules", "drift", "align", "fit", "hyphens"];
const OF_INK = ["best", "marks"];
const MORE = ["drift", "align", "fit", "hyphens", "best", "marks"];
const EMPTY_ROWS = 6; // of paper that is as long as the text, before there is one
const SHOWN = 12; // unknown characters that are named

/** @param {(tab: string) => void} openTab */
export async function setUpWriteTab(openTab) {
  const tab = new WriteTab(openTab);
  await tab.begin();
  return tab;
}

class WriteTab {
  constructor(openTab) {
    this.openTab = openTab;
    this.status = element("write-status");
    this.engine = new Engine("writer", (message) => this.answered(message));
    this.view = new PageView(element("pages"));
    this.hands = [];
    this.pages = [];
    this.isWriting = false;
    this.turn = 0; // of requests
    this.fill(settingsOfLink(location.hash));
    this.connect();
  }

  async begin() {
    this.showPaper();
    try {
      this.about = await this.engine.load();
      this.known = knownCharacters(this.about);
      if (this.hasOwnBias) element("bias").value = String(this.about.bias);
      this.showValues();
      await this.refreshHands();
      this.checkText();
      say(this.status, this.engine.isCompiled ? "" : "No WebAssembly here: writing is slow.");
      if (new URLSearchParams(location.hash.slice(1)).has("text")) this.write();
    } catch (error) {
      say(this.status, `The writer could not be started: ${error.message}.`, true);
      element("write").disabled = true;
    }
  }

  /** Shown again; perhaps with a request to write in one's own hand. */
  async opened(request) {
    if (!this.about) return;
    if (request === MY_HAND) this.hand = MY_HAND;
    await this.refreshHands();
  }

  // --- settings ----------------------------------------------------------------------------------

  fill(settings) {
    element("paper").replaceChildren(...Object.entries(PAPERS).map(([value, [name]]) =>
      make("option", { value, textContent: name }),
    ));
    element("inks").replaceChildren(...INKS.map(([name, colour]) => {
      const input = make("input", { type: "radio", name: "ink", value: colour, checked: colour === settings.ink });
      input.setAttribute("aria-label", name);
      const choice = make("label", { className: "ink-choice", title: name }, input);
      choice.style.backgroundColor = colour;
      return choice;
    }));
    this.hand = settings.hand;
    this.ink = settings.ink;
    this.colours = [this.ink];
    for (const name of FIELDS) element(name).value = settings[name];
    this.hasOwnBias = settings.bias === "";
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) element("speed").value = "6";
    element("write-settings").open = matchMedia("(min-width: 861px)").matches;
    element("more-settings").open = MORE.some((name) => settings[name] !== DEFAULTS[name]);
    this.showValues();
  }

  settings() {
    const values = Object.fromEntries(FIELDS.map((name) => [name, element(name).value]));
    return { ...values, hand: this.hand, ink: this.ink };
  }

  showValues() {
    const { bias, speed, pen, size, drift } = this.settings();
    const rate = SPEEDS[speed];
    element("bias-value").textContent = Number(bias).toFixed(2);
    element("speed-value").textContent = rate === Infinity ? "at once" : `${rate} ×`;
    element("pen-value").textContent = `${Number(pen).toFixed(2)} mm`;
    element("size-value").textContent = `${size} mm`;
    element("drift-value").textContent = Number(drift) ? Number(drift).toFixed(1) : "none";
    this.view.colours = this.colours;
    this.view.setSpeed(rate);
  }

  connect() {
    const on = (id, event, call) => element(id).addEventListener(event, call);
    on("write-form", "submit", (event) => {
      event.preventDefault();
      this.write();
    });
    on("another", "click", () => {
      element("seed").value = String(Math.floor(Math.random() * MOST_SEED));
      this.write();
    });
    on("stop", "click", () => this.stop());
    on("text", "input", whenQuiet(250, () => this.checkText()));
    for (const name of ["bias", "speed"]) on(name, "input", () => this.showValues());
    for (const name of OF_LAYOUT) {
      on(name, "input", () => {
        this.showValues();
        this.guarded(() => this.layOut());
      });
    }
    for (const name of OF_INK) {
      on(name, "input", () => {
        if (this.pages.length || this.isWriting) this.write();
      });
    }
    on("inks", "change", ({ target }) => {
      this.ink = target.value;
      this.colours = [this.ink, ...this.colours.slice(1)];
      this.showValues();
      this.view.repaint();
    });
    on("pages", "click", () => this.view.finish());
    on("download", "click", () => this.guarded(() => this.download()));
    on("copy-picture", "click", () => this.guarded(() => this.copyPicture()));
    on("print", "click", () => this.guarded(() => this.print()));
    on("link", "click", () => this.copyLink());
  }

  async guarded(action) {
    try {
      await action();
    } catch (error) {
      say(this.status, error.message, true);
    }
  }

  async refreshHands() {
    this.hands = await allHands(this.about);
    const isThere = this.hands.some((hand) => hand.id === this.hand && hand.isThere);
    if (!isThere) this.hand = this.hands[0].isThere ? this.hands[0].id : "new";
    showHands(element("hands"), this.hands, this.hand, (hand) => this.choose(hand));
  }

  choose(hand) {
    if (!hand.isThere) {
      this.openTab("hand");
      return;
    }
    this.hand = hand.id;
    if (hand.bias !== null) element("bias").value = String(hand.bias);
    this.showValues();
    if (this.pages.length || this.isWriting) this.write();
  }

  /** Names the characters that the model does not know, with an offer. */
  checkText() {
    const note = element("text-note");
    const found = this.known ? unknownCharacters(element("text").value, this.known) : [];
    note.hidden = !found.length;
    if (!found.length) return true;
    const shown = found.slice(0, SHOWN).map(({ character, written }) => {
      if (written === null) return `“${character}” (left out)`;
      return `“${character}” → “${written}”`;
    });
    const more = found.length > SHOWN ? `, and ${found.length - SHOWN} more` : "";
    const button = make("button", { type: "button", textContent: "Replace them" });
    button.addEventListener("click", () => {
      element("text").value = writableText(element("text").value, this.known, true).text;
      this.checkText();
      element("text").focus();
    });
    note.replaceChildren(`This writer cannot write ${shown.join(", ")}${more}.`, button);
    return false;
  }

  // --- writing -----------------------------------------------------------------------------------

  async write() {
    if (!this.known) return;
    const settings = this.settings();
    const text = settings.text.replace(/\r\n?/g, "\n");
    if (!text.trim()) {
      say(this.status, "There is nothing to write yet.", true);
      element("text").focus();
      return;
    }
    if (!this.checkText()) {
      say(this.status, "Some characters have to be replaced first.", true);
      return;
    }
    let request;
    try {
      request = this.requestOf(text, settings);
    } catch (error) {
      if (this.isWriting) this.stop();
      say(this.status, `Colours: ${error.message}.`, true);
      return;
    }
    if (this.isWriting) this.engine.stop();
    const turn = ++this.turn;
    this.isWriting = true;
    this.pages = [];
    this.started = performance.now();
    this.firstInk = null;
    this.setBusy(true);
    say(this.status, settings.best === "1" ? "Writing …" : "Loading the reader …");
    this.showValues();
    this.showPaper();
    this.bringIntoView();
    try {
      const { hyphenate } = request.page;
      if (hyphenate) await this.engine.addRules(hyphenate);
      if (request.bestOf > 1) await this.engine.addJudge();
      // It may have been stopped, or asked for something else, meanwhile.
      if (turn === this.turn) await this.engine.send(request);
    } catch (error) {
      if (turn === this.turn) this.answered({ kind: "error", message: error.message });
    }
  }

  /** What the engine is asked for; an error where the text's marks are wrong. */
  requestOf(text, settings) {
    const { text: written, changes } = writableText(text, this.known);
    const marked = settings.marks === "colours"
      ? parseMarkup(written, this.ink)
      : { text: written, pens: null, colours: [this.ink] };
    this.colours = marked.colours;
    this.changes = changes.map(({ character, written: own }) =>
      own ? `“${character}” became “${own}”` : "an invisible character was left out",
    );
    const hand = this.hands.find((each) => each.id === this.hand);
    return {
      kind: "write", text: marked.text, pens: marked.pens, style: hand.style, bias: Number(settings.bias),
      seed: seedOf(wholeSeed(settings.seed)), bestOf: Number(settings.best), page: pageOptionsOf(settings),
    };
  }

  /** Scrolls to the paper where it is under what is to be seen, as on a phone. */
  bringIntoView() {
    const pages = element("pages");
    if (pages.getBoundingClientRect().top < 0.6 * innerHeight) return;
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    pages.scrollIntoView({ block: "start", behavior: isStill ? "auto" : "smooth" });
  }

  answered(message) {
    if (message.kind === "error") {
      this.isWriting = false;
      this.setBusy(false);
      say(this.status, `Writing failed: ${message.message}.`, true);
    } else if (message.kind === "progress") {
      const { written, all } = message;
      element("progress").value = all ? written / all : 0;
      if (all > 1) say(this.status, `Writing … ${written} of ${all} parts`);
    } else if (message.kind === "pages") {
      this.gotPages(message);
    }
  }

  gotPages({ pages: packed, warnings, isAll }) {
    const pages = packed.map(unpackPage);
    if (this.firstInk === null && pages[0]?.lines.length) {
      this.firstInk = performance.now() - this.started;
      element("pages").dataset.firstInk = String(Math.round(this.firstInk));
    }
    this.pages = pages;
    const lines = pages.flatMap((page) => page.lines.map(({ text }) => text));
    element("pages").setAttribute("aria-label", `Handwriting: ${lines.join(" ").slice(0, 2000)}`);
    this.view.show(pages);
    if (!isAll) return;
    this.isWriting = false;
    this.setBusy(false);
    const notes = warnings.slice(0, 3).map((each) => `${each}.`);
    if (this.changes.length) notes.push(`${this.changes.slice(0, SHOWN).join(", ")}.`);
    if (pages.length > 1) notes.unshift(`${pages.length} pages.`);
    if (this.view.isWriting) notes.push("Tap the page to see it all at once.");
    say(this.status, notes.join(" "));
    element("pages").dataset.state = "written";
  }

  stop() {
    this.turn++;
    this.engine.stop();
    this.engine.load().catch(() => {});
    this.isWriting = false;
    this.view.finish();
    this.setBusy(false);
    element("pages").dataset.state = "stopped";
    say(this.status, this.pages.length ? "Stopped; what is there can be kept." : "Stopped.");
  }

  setBusy(isBusy) {
    element("stop").hidden = !isBusy;
    element("progress").hidden = !isBusy;
    element("progress").value = 0;
    const hasPages = this.pages.some((page) => page.lines.length);
    for (const id of ["download", "copy-picture", "print"]) element(id).disabled = isBusy || !hasPages;
    element("pages").dataset.state = isBusy ? "writing" : "idle";
  }

  /** An empty sheet as the settings have it. */
  showPaper() {
    const { pageWidth: width, pageHeight, penWidth, ruled, margin, lineSpacing, fitHeight } =
      pageOptionsOf(this.settings());
    const height = fitHeight ? EMPTY_ROWS * lineSpacing + 2 * margin : pageHeight;
    const rows = Math.floor((height - 2 * margin) / lineSpacing + 1e-6);
    const rules = Array.from({ length: ruled ? rows : 0 }, (_, at) => margin + (at + 0.7) * lineSpacing);
    this.view.clear({ width, height, penWidth, rules, lines: [] });
  }

  async layOut() {
    if (!this.pages.length) {
      this.showPaper();
    } else if (!this.isWriting) {
      this.view.setSpeed(Infinity);
      const page = pageOptionsOf(this.settings());
      if (page.hyphenate) await this.engine.addRules(page.hyphenate);
      await this.engine.send({ kind: "layout", page });
    }
  }

  // --- what becomes of it --------------------------------------------------------------------------

  async download() {
    const format = element("format").value;
    const [{ name, content }] = await filesOf(format, this.pages, this.colours, true);
    download(name, new Blob([content]));
  }

  async copyPicture() {
    if (typeof ClipboardItem === "undefined") throw new Error("This browser cannot copy pictures.");
    const picture = filesOf("png", this.pages.slice(0, 1), this.colours).then(([file]) => file.content);
    await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
    say(this.status, this.pages.length > 1 ? "The first page is copied." : "The picture is copied.");
  }

  async print() {
    const parser = new DOMParser();
    const files = await filesOf("svg", this.pages, this.colours);
    const drawings = files.map(({ content }) =>
      document.importNode(parser.parseFromString(content, "image/svg+xml").documentElement, true),
    );
    element("print-pages").replaceChildren(...drawings);
    window.print();
  }

  async copyLink() {
    const settings = this.settings();
    if (settings.hand === MY_HAND) settings.hand = "";
    history.replaceState(null, "", linkOf(settings));
    await copyText(location.href, this.status, "The link is copied: text, seed and settings are in it.");
  }
}
