// Pages on the screen, written as one watches.

import { countPoints } from "../pages/packed.js";
import { paintPage } from "../pages/paint.js";

const POINTS_PER_SECOND = 100; // about a pen's, at speed 1
const AIR_POINTS_PER_MM = 0.6; // time that the pen takes above the paper
const MOST_DPR = 2;
const NEAR = "600px";
const LONGEST_FRAME = 100; // ms; after a pause the pen goes on where it was

/** Shows pages in an element, each as a sheet with a canvas that is there while it is near. */
export class PageView {
  /** @param {HTMLElement} container */
  constructor(container) {
    this.container = container;
    this.pages = [];
    this.sheets = [];
    this.colours = ["#16213a"];
    this.speed = 1;
    this.drawn = 0; // points so far, over all pages
    this.frame = 0;
    this.watcher = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: NEAR });
    new ResizeObserver(() => this.repaint()).observe(container);
  }

  /** Begins anew, with nothing written. */
  clear(page) {
    this.drawn = 0;
    this.show([page]);
  }

  /** Shows pages; the pen goes on from where it is. */
  show(pages) {
    this.pages = pages;
    this.counts = pages.map(countPoints);
    this.total = this.counts.reduce((sum, count) => sum + count, 0);
    while (this.sheets.length > pages.length) {
      const sheet = this.sheets.pop();
      this.watcher.unobserve(sheet.element);
      sheet.element.remove();
    }
    pages.forEach((page, at) => this.place(page, at));
    if (this.speed === Infinity) this.drawn = this.total;
    this.drawn = Math.min(this.drawn, this.total);
    this.repaint();
    this.goOn();
  }

  place(page, at) {
    if (!this.sheets[at]) {
      const element = document.createElement("div");
      element.className = "sheet";
      this.container.append(element);
      this.sheets[at] = { element, canvas: null, isNear: at === 0 };
      this.watcher.observe(element);
    }
    this.sheets[at].element.style.aspectRatio = `${page.width} / ${page.height}`;
  }

  setSpeed(speed) {
    this.speed = speed;
    if (speed === Infinity) this.finish();
  }

  /** Shows all that there is at once. */
  finish() {
    if (!this.pages.length) return;
    this.drawn = this.total;
    this.repaint();
  }

  get isWriting() {
    return this.drawn < this.total;
  }

  goOn() {
    if (this.frame || !this.isWriting) return;
    this.before = performance.now();
    this.frame = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.frame = 0;
    const time = Math.min(now - this.before, LONGEST_FRAME) / 1000;
    this.before = now;
    const from = this.drawn;
    this.drawn = this.after(from, time * POINTS_PER_SECOND * this.speed);
    this.paintNew(from, this.drawn);
    if (this.isWriting) this.frame = requestAnimationFrame((next) => this.tick(next));
  }

  /** Points after so much of the pen's time, in points: moves through the air take some of it. */
  after(from, budget) {
    this.debt = (this.debt ?? 0) + budget;
    let at = from;
    while (this.debt >= 1 && at < this.total) {
      this.debt -= 1 + this.airBefore(at);
      at++;
    }
    return at;
  }

  airBefore(at) {
    let [number, start] = [0, 0];
    while (at >= start + this.counts[number]) start += this.counts[number++];
    const page = this.pages[number];
    if (this.airsOf !== page) {
      this.airsOf = page;
      this.airs = airMoves(page);
    }
    return (this.airs.get(at - start) ?? 0) * AIR_POINTS_PER_MM;
  }

  paintNew(from, upTo) {
    let start = 0;
    this.pages.forEach((page, at) => {
      const [first, last] = [Math.max(from - start, 0), Math.min(upTo - start, this.counts[at])];
      const { canvas } = this.sheets[at];
      if (canvas && first < last) {
        const scale = canvas.width / page.width;
        const options = { colours: this.colours, paper: null, from: first, upTo: last };
        paintPage(canvas.getContext("2d"), page, scale, options);
      }
      start += this.counts[at];
    });
  }

  seen(entries) {
    for (const entry of entries) {
      const at = this.sheets.findIndex((sheet) => sheet.element === entry.target);
      if (at < 0) continue;
      this.sheets[at].isNear = entry.isIntersecting;
      this.paintSheet(at);
    }
  }

  repaint() {
    this.sheets.forEach((_, at) => this.paintSheet(at));
  }

  paintSheet(at) {
    const sheet = this.sheets[at];
    const page = this.pages[at];
    if (!sheet.isNear || !page) {
      sheet.canvas?.remove();
      sheet.canvas = null;
      return;
    }
    if (!sheet.canvas) {
      sheet.canvas = document.createElement("canvas");
      sheet.element.append(sheet.canvas);
    }
    const width = Math.round(sheet.element.clientWidth * Math.min(devicePixelRatio || 1, MOST_DPR));
    if (!width) return;
    const scale = width / page.width;
    const height = Math.round(page.height * scale);
    if (sheet.canvas.width !== width || sheet.canvas.height !== height) {
      Object.assign(sheet.canvas, { width, height });
    }
    const start = this.counts.slice(0, at).reduce((sum, count) => sum + count, 0);
    const options = { colours: this.colours, upTo: this.drawn - start };
    paintPage(sheet.canvas.getContext("2d"), page, scale, options);
  }
}

/** Length in mm of the pen's way to each stroke's first point, by the point's number. */
function airMoves(page) {
  const moves = new Map();
  let [at, before] = [0, null];
  for (const stroke of page.lines.flatMap((line) => line.strokes)) {
    const [x, y] = stroke[0];
    if (before) moves.set(at, Math.hypot(x - before[0], y - before[1]));
    before = stroke[stroke.length - 1];
    at += stroke.length;
  }
  return moves;
}
