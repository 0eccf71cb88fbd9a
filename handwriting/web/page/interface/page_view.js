// Pages on the screen, written as one watches.

import { countPoints } from "../pages/packed.js";
import { paintInk, paintPaper } from "../pages/paint.js";

const POINTS_PER_SECOND = 100; // about a pen's, at speed 1
const AIR_POINTS_PER_MM = 0.6; // time that the pen takes above the paper
const MOST_DPR = 2;
const NEAR = "600px";
const SAME = 0.05; // mm that ink may have moved and be left as it is painted
const MOST_SPARE = 2; // canvases that are kept to be painted on again
const MOST_POINTS = 4000; // painted at a time, so that the page goes on answering
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
    this.painting = 0;
    this.spare = [];
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
    const before = this.pages;
    this.pages = pages;
    this.counts = pages.map(countPoints);
    this.total = this.counts.reduce((sum, count) => sum + count, 0);
    while (this.sheets.length > pages.length) {
      const sheet = this.sheets.pop();
      this.watcher.unobserve(sheet.element);
      this.release(sheet);
      sheet.element.remove();
    }
    pages.forEach((page, at) => this.place(page, at));
    if (this.speed === Infinity) this.drawn = this.total;
    this.drawn = Math.min(this.drawn, this.total);
    pages.forEach((page, at) => {
      if (!this.isAsPainted(this.sheets[at], before[at], page)) this.paintSheet(at);
    });
    this.paintMore();
    this.goOn();
  }

  /** Whether what is painted of a page is where another has it. */
  isAsPainted(sheet, before, page) {
    if (!sheet.canvas || sheet.next || !before?.points || !page.points) return false;
    const isSame = ["width", "height", "penWidth"].every((name) => before[name] === page[name]);
    if (!isSame || before.rules.length !== page.rules.length || before.rules[0] !== page.rules[0]) return false;
    const length = 2 * sheet.painted;
    if (length > Math.min(before.points.length, page.points.length)) return false;
    for (let at = 0; at < length; at++) {
      if (Math.abs(before.points[at] - page.points[at]) > SAME) return false;
    }
    return true;
  }

  place(page, at) {
    if (!this.sheets[at]) {
      const element = document.createElement("div");
      element.className = "sheet";
      this.container.append(element);
      this.sheets[at] = { element, canvas: null, next: null, isNear: at === 0 };
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
    this.paintMore();
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
    this.drawn = this.after(this.drawn, time * POINTS_PER_SECOND * this.speed);
    this.paintMore();
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

  /** Paints what is not painted yet, a part at a time: on the canvas that is shown, or on the next one,
   * which is shown once it is painted. */
  paintMore() {
    let left = MOST_POINTS;
    let start = 0;
    this.sheets.forEach((sheet, at) => {
      const wanted = Math.min(Math.max(this.drawn - start, 0), this.counts[at]);
      start += this.counts[at];
      const target = sheet.next ?? sheet.canvas;
      if (!target) return;
      const upTo = Math.min(sheet.painted + left, wanted);
      if (sheet.painted < upTo) {
        const page = this.pages[at];
        const scale = target.width / page.width;
        paintInk(target.getContext("2d"), page, scale, this.colours, sheet.painted, upTo);
        left -= upTo - sheet.painted;
        sheet.painted = upTo;
      }
      if (sheet.next && sheet.painted >= wanted) {
        const { canvas, next } = sheet;
        [sheet.canvas, sheet.next] = [null, null];
        sheet.element.replaceChildren(next);
        this.keepSpare(canvas);
        sheet.canvas = next;
      }
    });
    if (left <= 0) this.paintSoon();
  }

  paintSoon() {
    this.painting ||= requestAnimationFrame(() => {
      this.painting = 0;
      this.paintMore();
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

  /** Begins a sheet anew, on a canvas that is shown once it is painted. */
  paintSheet(at) {
    const sheet = this.sheets[at];
    const page = this.pages[at];
    if (!sheet.isNear || !page) {
      this.release(sheet);
      return;
    }
    const width = Math.round(sheet.element.clientWidth * Math.min(devicePixelRatio || 1, MOST_DPR));
    if (!width) return;
    const scale = width / page.width;
    sheet.next ??= this.spare.pop() ?? document.createElement("canvas");
    const height = Math.round(page.height * scale);
    if (sheet.next.width !== width || sheet.next.height !== height) Object.assign(sheet.next, { width, height });
    sheet.painted = 0;
    paintPaper(sheet.next.getContext("2d"), page, scale);
    this.paintSoon();
  }

  /** Takes a sheet's canvases away. */
  release(sheet) {
    this.keepSpare(sheet.canvas);
    this.keepSpare(sheet.next);
    sheet.element.replaceChildren();
    sheet.canvas = sheet.next = null;
  }

  /** Keeps a canvas to be painted on again, since browsers are slow to give up the memory of old ones. */
  keepSpare(canvas) {
    if (!canvas) return;
    if (this.spare.length < MOST_SPARE) this.spare.push(canvas);
    else canvas.width = canvas.height = 0;
  }
}

/** Length in mm of the pen's way to each stroke's first point, by the point's number. */
function airMoves(page) {
  const moves = new Map();
  let [at, before] = [0, null];
  for (const line of page.lines) {
    for (const { count, first, last } of line.ends()) {
      if (before) moves.set(at, Math.hypot(first[0] - before[0], first[1] - before[1]));
      before = last;
      at += count;
    }
  }
  return moves;
}
