/** The chart of entropies: a drawing, and elements above it for the threshold and the cursor. */

import { around, find, findAll } from "./page.js";
import { Plot } from "./plot.js";
import { readColours } from "./strip.js";

const MARGIN = { l: 46, r: 12, t: 12, b: 36 };
const HEIGHT = 262;
const STEP = 0.05;
const LABEL_WIDTH = 9;
const NARROWEST = 2.6;
const WIDE = /\p{Extended_Pictographic}|[\u1100-\u11ff\u2e80-\uffdc]/u;

/**
 * @typedef {object} Data
 * @property {number} count of bytes
 * @property {Float64Array} entropies nats
 * @property {Uint8Array} starts
 * @property {Uint32Array} patchOf
 * @property {(i: number) => string} labels function that returns the label below a byte
 * @property {number|null} threshold in nats; null if it is not a height in the chart
 */

/** @type {Data} */
const NOTHING = {
  count: 0,
  entropies: new Float64Array(0),
  starts: new Uint8Array(0),
  patchOf: new Uint32Array(0),
  labels: () => "",
  threshold: null,
};

export class Chart {
  data = NOTHING;
  /** First byte that is shown. */
  first = 0;
  /** @type {number|null} number of bytes that are shown after zooming; null before */
  zoom = null;
  /** Entropy in nats at the top of the chart. */
  top = 4.5;
  /** Width of a byte in pixels. */
  pixels = 1;
  marked = -1;
  /** @type {number|null} width of the chart in pixels; null until it is read */
  measured = null;
  /** @type {ReturnType<typeof readColours>|null} */
  colours = null;
  dragging = false;
  /** Distance in pixels from the threshold to the point where it was grabbed. */
  grabbed = 0;
  /** @type {(shown: {first: number, last: number, count: number}) => void} */
  onView = () => {};

  /**
   * @param {HTMLElement} root element that contains `.plot`, `.ticks`, `.threshold` and `.cursor`
   * @param {{onHover: (i: number) => void, onPick: (i: number) => void, onThreshold: (nats: number) => void}} handlers
   */
  constructor(root, { onHover, onPick, onThreshold }) {
    this.root = root;
    this.plot = new Plot(find(root, ".plot"));
    this.handle = find(root, ".threshold");
    this.cursor = find(root, ".cursor");
    this.ticksBelow = find(root, ".ticks");
    this.onThreshold = onThreshold;
    this.listen(onHover, onPick);
    this.listenToHandle();
    new ResizeObserver(() => {
      this.measured = null;
      if (this.data !== NOTHING) this.draw();
    }).observe(root);
  }

  /** @param {Data} data */
  show(data) {
    const lengthChanged = this.data === NOTHING || this.data.count !== data.count;
    this.data = data;
    if (lengthChanged) this.clampView();
    this.draw();
  }

  /** Width in pixels between the margins; read once, because reading makes the browser lay out the page. */
  get width() {
    const measured = this.measured ?? this.root.clientWidth;
    this.measured = measured;
    return Math.max(60, measured - MARGIN.l - MARGIN.r);
  }

  /** Number of bytes that are shown: all if each is wide enough to see, fewer after zooming in. */
  get shown() {
    const { count } = this.data;
    const fits = Math.max(16, Math.floor(this.width / NARROWEST));
    return Math.max(1, Math.min(count, this.zoom ?? fits));
  }

  clampView() {
    this.first = Math.max(0, Math.min(this.first, this.data.count - this.shown));
  }

  setView(first) {
    this.first = first;
    this.clampView();
    this.draw();
  }

  /** Show half or twice as many bytes; the middle, or the marked byte, keeps its position. */
  scale(factor, around) {
    const before = this.shown;
    const wanted = Math.round(before * factor);
    const most = Math.max(16, Math.floor(this.width));
    this.zoom = Math.max(16, Math.min(wanted, this.data.count, most));
    const middle = around >= this.first && around < this.first + before ? around : this.first + before / 2;
    const share = (middle - this.first) / before;
    this.first = Math.round(middle - share * this.shown);
    this.clampView();
    this.draw();
  }

  /** Move the window so that byte `i` is inside it. */
  reveal(i) {
    const { first, shown } = this;
    if (i >= first && i < first + shown) return;
    this.setView(Math.round(i - shown / 2));
  }

  draw() {
    const { data, width } = this;
    this.clampView();
    const first = this.first;
    const last = Math.min(data.count, first + this.shown);
    this.pixels = width / Math.max(1, last - first);
    let highest = 0;
    for (let i = 0; i < data.count; i++) highest = Math.max(highest, data.entropies[i]);
    this.top = Math.max(4.4, highest * 1.06);
    const colours = this.colours ?? readColours();
    this.colours = colours;
    const frame = {
      first,
      last,
      pixels: this.pixels,
      x: (place) => MARGIN.l + (place - first + 0.5) * this.pixels,
      y: (nats) => this.yOf(nats),
      top: this.top,
      left: MARGIN.l,
      right: MARGIN.r,
      width: width + MARGIN.l + MARGIN.r,
      height: HEIGHT,
    };
    this.plot.draw(data, frame, colours);
    this.drawTicks(first, last);
    this.placeHandle();
    this.mark(this.marked);
    this.onView({ first, last, count: data.count });
  }

  /** Return the labels below the bytes; if there is too little room, bytes that start a patch come first. */
  ticks(first, last) {
    const { labels, starts } = this.data;
    /** @type {{i: number, label: string}[]} */
    const found = [];
    const room = Math.ceil(LABEL_WIDTH / this.pixels);
    let free = -Infinity;
    for (let i = first; i < last; i++) {
      const label = labels(i);
      if (i < free || !label || (room > 1 && !starts[i])) continue;
      found.push({ i, label });
      free = i + (WIDE.test(label) ? 2 * room : room);
    }
    return found;
  }

  /** Draw the labels as elements that are reused, because browsers are slow to lay out new text. */
  drawTicks(first, last) {
    const ticks = this.ticks(first, last);
    while (this.ticksBelow.children.length > ticks.length) this.ticksBelow.lastChild?.remove();
    while (this.ticksBelow.children.length < ticks.length) {
      this.ticksBelow.append(document.createElement("span"));
    }
    findAll(this.ticksBelow, "span").forEach((tick, k) => {
      const { i, label } = ticks[k];
      if (tick.textContent !== label) tick.textContent = label;
      tick.style.left = `${MARGIN.l + (i - first + 0.5) * this.pixels}px`;
    });
  }

  /** Mark byte `i` by a vertical line. */
  mark(i) {
    this.marked = i;
    const inside = i >= this.first && i < this.first + this.shown && i < this.data.count;
    this.cursor.hidden = !inside;
    if (!inside) return;
    this.cursor.style.left = `${MARGIN.l + (i - this.first + 0.5) * this.pixels}px`;
    this.cursor.style.setProperty("--at", `${this.yOf(this.data.entropies[i])}px`);
  }

  yOf(nats) {
    const inner = HEIGHT - MARGIN.t - MARGIN.b;
    return MARGIN.t + inner * (1 - Math.min(nats, this.top) / this.top);
  }

  natsAt(y) {
    const inner = HEIGHT - MARGIN.t - MARGIN.b;
    return Math.max(0, Math.min(this.top, this.top * (1 - (y - MARGIN.t) / inner)));
  }

  placeHandle() {
    const { threshold } = this.data;
    this.handle.hidden = threshold === null;
    if (threshold === null) return;
    this.handle.style.top = `${this.yOf(threshold)}px`;
    find(this.handle, "output").textContent = threshold.toFixed(2);
    this.handle.setAttribute("aria-valuenow", threshold.toFixed(2));
    this.handle.setAttribute("aria-valuemax", this.top.toFixed(2));
    this.handle.setAttribute("aria-valuetext", `${threshold.toFixed(2)} nats`);
  }

  recolour() {
    this.colours = null;
    this.measured = null;
    if (this.data !== NOTHING) this.draw();
  }

  byteAt(event) {
    const box = this.root.getBoundingClientRect();
    const i = this.first + Math.floor((event.clientX - box.left - MARGIN.l) / this.pixels);
    return i >= this.first && i < Math.min(this.data.count, this.first + this.shown) ? i : -1;
  }

  listen(onHover, onPick) {
    this.root.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch" && !this.dragging) onHover(this.byteAt(event));
    });
    this.root.addEventListener("pointerleave", () => onHover(-1));
    this.root.addEventListener("click", (event) => {
      const i = this.byteAt(event);
      if (i >= 0 && !around(event, ".threshold")) onPick(i);
    });
    this.root.addEventListener(
      "wheel",
      (event) => {
        if (Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
        event.preventDefault();
        this.setView(this.first + Math.round(event.deltaX / this.pixels));
      },
      { passive: false },
    );
  }

  listenToHandle() {
    const { handle } = this;
    const move = (event) => {
      const y = event.clientY - this.root.getBoundingClientRect().top - this.grabbed;
      this.onThreshold(Math.round(this.natsAt(y) * 100) / 100);
    };
    handle.addEventListener("pointerdown", (event) => {
      const { threshold } = this.data;
      if (event.button || threshold === null) return;
      handle.setPointerCapture(event.pointerId);
      this.grabbed = event.clientY - this.root.getBoundingClientRect().top - this.yOf(threshold);
      this.dragging = true;
      handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => this.dragging && move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      handle.addEventListener(end, () => {
        this.dragging = false;
      });
    }
    handle.addEventListener("keydown", (event) => {
      const now = this.data.threshold;
      if (now === null) return;
      const targets = {
        ArrowUp: now + STEP,
        ArrowRight: now + STEP,
        ArrowDown: now - STEP,
        ArrowLeft: now - STEP,
        PageUp: now + 10 * STEP,
        PageDown: now - 10 * STEP,
        Home: 0,
        End: this.top,
      };
      if (!(event.key in targets)) return;
      event.preventDefault();
      const nats = Math.max(0, Math.min(this.top, targets[event.key]));
      this.onThreshold(Math.round(nats * 100) / 100);
    });
  }
}
