// A surface to draw on: pen, finger or mouse, with undo and an eraser.
//
// A stroke is a list of points [x, y, time in ms, pressure], in CSS pixels of the surface.

import { curved } from "../ink/curves.js";

const PEN_WIDTH = 2.6;
const SPARSE = 7; // CSS pixels between points
const BOX_EDGE = 6; // around the ink of a word
const ERASER_RADIUS = 12;
const ERASER_BUTTON = 32; // of PointerEvent.buttons: a pen turned around
const PALM = 45; // CSS pixels; wider touches are no fingertips
const MOST_STEPS_BACK = 200;
const MOUSE_PRESSURE = 0.5;

export class InkCanvas {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{onChange?: () => void, onStroke?: () => void, guides?: (size: object) => number[]}}
   *   options onChange after every change, onStroke while one is drawn; guides gives the heights of
   *   lines to write on
   */
  constructor(canvas, { onChange = () => {}, guides = () => [] } = {}) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.onChange = onChange;
    this.guides = guides;
    this.strokes = [];
    this.history = [];
    this.future = [];
    this.tool = "pen";
    this.pointer = null;
    this.hasPen = false;
    this.marked = null; // {left, top, right, bottom}
    this.boxes = []; // the same
    this.connect();
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
    this.resize();
  }

  connect() {
    const on = (name, call, options) => this.canvas.addEventListener(name, call, options);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      on(name, (event) => this.up(event, name === "pointercancel"));
    }
    on("contextmenu", (event) => event.preventDefault());
    // Some browsers begin to scroll before touch-action is looked at.
    on("touchstart", (event) => event.preventDefault(), { passive: false });
    on("keydown", (event) => this.key(event));
  }

  key(event) {
    const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (isUndo && event.shiftKey) this.redo();
    else if (isUndo) this.undo();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
  }

  // --- drawing -----------------------------------------------------------------------------------

  /** Whether an event is a hand that lies on the surface, or a second finger. */
  isPalm(event) {
    if (event.pointerType === "pen") this.hasPen = true;
    if (event.pointerType !== "touch") return false;
    return this.hasPen || Math.max(event.width, event.height) > PALM;
  }

  down(event) {
    if (event.button > 0 && !(event.buttons & ERASER_BUTTON)) return;
    if (this.isPalm(event)) return;
    if (this.pointer !== null) {
      // A pen goes before the hand that came down first; two fingers are no writing.
      if (event.pointerType === "mouse") return;
      this.abandon();
      if (event.pointerType === "touch") return;
    }
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already is not captured.
    }
    this.pointer = event.pointerId;
    this.box = this.canvas.getBoundingClientRect();
    this.isErasing = this.tool === "eraser" || Boolean(event.buttons & ERASER_BUTTON);
    this.before = this.strokes;
    if (this.isErasing) {
      this.erase(event);
      return;
    }
    this.stroke = [this.pointOf(event)];
    this.strokes = [...this.strokes, this.stroke];
    this.paintStroke(this.stroke, 0);
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      if (this.isErasing) this.erase(each);
      else this.extend(this.pointOf(each));
    }
  }

  extend(point) {
    const last = this.stroke[this.stroke.length - 1];
    if (point[0] === last[0] && point[1] === last[1]) return;
    this.stroke.push(point);
    this.paintStroke(this.stroke, this.stroke.length - 2);
  }

  up(event, isCancelled) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    if (isCancelled) {
      this.strokes = this.before;
      this.repaint();
    } else if (this.strokes !== this.before) {
      this.remember(this.before);
      this.onChange();
    }
  }

  /** Takes back what the latest pointer has begun. */
  abandon() {
    this.pointer = null;
    this.strokes = this.before;
    this.repaint();
  }

  pointOf(event) {
    const pressure = event.pointerType === "mouse" ? MOUSE_PRESSURE : event.pressure || MOUSE_PRESSURE;
    return [event.clientX - this.box.left, event.clientY - this.box.top, event.timeStamp, pressure];
  }

  erase(event) {
    const [x, y] = this.pointOf(event);
    const kept = this.strokes.filter((stroke) => !touches(stroke, x, y));
    if (kept.length === this.strokes.length) return;
    this.strokes = kept;
    this.repaint();
  }

  // --- changes -----------------------------------------------------------------------------------

  remember(strokes) {
    this.history.push(strokes);
    if (this.history.length > MOST_STEPS_BACK) this.history.shift();
    this.future = [];
  }

  undo() {
    this.goTo(this.history, this.future);
  }

  redo() {
    this.goTo(this.future, this.history);
  }

  goTo(from, to) {
    if (!from.length) return;
    to.push(this.strokes);
    this.strokes = from.pop();
    this.changed();
  }

  clear() {
    if (!this.strokes.length) return;
    this.remember(this.strokes);
    this.strokes = [];
    this.changed();
  }

  /** Shows other strokes; what was there can be had back. */
  replace(strokes) {
    this.remember(this.strokes);
    this.strokes = strokes;
    this.changed();
  }

  /** Begins with strokes, without a way back. */
  reset(strokes) {
    this.strokes = strokes;
    this.history = [];
    this.future = [];
    this.repaint();
  }

  changed() {
    this.marked = null;
    this.boxes = [];
    this.repaint();
    this.onChange();
  }

  mark(box) {
    this.marked = box;
    this.repaint();
  }

  showBoxes(boxes) {
    this.boxes = boxes;
    this.repaint();
  }

  // --- painting ----------------------------------------------------------------------------------

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  resize() {
    const { width, height } = this.size;
    if (!width || !height) return;
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.repaint();
  }

  colour(name) {
    return getComputedStyle(this.canvas).getPropertyValue(name).trim();
  }

  repaint() {
    const { context } = this;
    const scale = this.canvas.width / Math.max(this.canvas.clientWidth, 1);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.size.width, this.size.height);
    context.strokeStyle = this.colour("--rule");
    context.lineWidth = 1;
    for (const y of this.guides(this.size)) {
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(this.size.width, y);
      context.stroke();
    }
    if (this.marked) {
      const { left, top, right, bottom } = this.marked;
      context.fillStyle = this.colour("--accent-soft");
      context.fillRect(left - BOX_EDGE, top - BOX_EDGE, right - left + 2 * BOX_EDGE, bottom - top + 2 * BOX_EDGE);
    }
    context.strokeStyle = this.colour("--box");
    for (const { left, top, right, bottom } of this.boxes) {
      context.beginPath();
      context.roundRect(left - BOX_EDGE, top - BOX_EDGE, right - left + 2 * BOX_EDGE, bottom - top + 2 * BOX_EDGE, 4);
      context.stroke();
    }
    for (const stroke of this.strokes) this.paintStroke(stroke, 0);
  }

  paintStroke(stroke, from) {
    const { context } = this;
    this.inkColour = from ? this.inkColour : this.colour("--ink");
    context.strokeStyle = context.fillStyle = this.inkColour;
    context.lineCap = context.lineJoin = "round";
    if (stroke.length === 1) {
      context.beginPath();
      context.arc(stroke[0][0], stroke[0][1], PEN_WIDTH * 0.7, 0, 2 * Math.PI);
      context.fill();
      return;
    }
    if (!from && isSparse(stroke)) {
      this.paintRound(stroke);
      return;
    }
    for (let at = Math.max(from, 0) + 1; at < stroke.length; at++) {
      context.lineWidth = PEN_WIDTH * (0.6 + 0.8 * (stroke[at][3] ?? MOUSE_PRESSURE));
      context.beginPath();
      context.moveTo(stroke[at - 1][0], stroke[at - 1][1]);
      context.lineTo(stroke[at][0], stroke[at][1]);
      context.stroke();
    }
  }

  /** A stroke with round bends, for points that are far apart, as in some files. */
  paintRound(stroke) {
    const { context } = this;
    const { points } = curved(stroke, SPARSE / 3);
    context.lineWidth = PEN_WIDTH;
    context.beginPath();
    context.moveTo(...points[0]);
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
  }
}

/** Whether a stroke's points are so far apart that straight pieces between them would show. */
function isSparse(stroke) {
  let way = 0;
  for (let at = 1; at < stroke.length; at++) {
    way += Math.hypot(stroke[at][0] - stroke[at - 1][0], stroke[at][1] - stroke[at - 1][1]);
  }
  return stroke.length > 2 && way > SPARSE * (stroke.length - 1);
}

function touches(stroke, x, y) {
  if (stroke.length === 1) return Math.hypot(stroke[0][0] - x, stroke[0][1] - y) < ERASER_RADIUS;
  for (let at = 1; at < stroke.length; at++) {
    if (distance(stroke[at - 1], stroke[at], x, y) < ERASER_RADIUS) return true;
  }
  return false;
}

/** Distance of a place from the way between two points. */
function distance([ax, ay], [bx, by], x, y) {
  const [dx, dy] = [bx - ax, by - ay];
  const square = dx * dx + dy * dy;
  const share = square ? Math.min(Math.max(((x - ax) * dx + (y - ay) * dy) / square, 0), 1) : 0;
  return Math.hypot(ax + share * dx - x, ay + share * dy - y);
}
