/** The entropy curve: a picture of it, and elements over it that carry the threshold and the cursor. */

import { Plot } from "./plot.js";
import { readColours } from "./strip.js";

const MARGIN = { l: 46, r: 12, t: 12, b: 36 };
const HEIGHT = 262;
const STEP = 0.05;
const LABEL_WIDTH = 9;
const NARROWEST = 2.6;
const WIDE = /\p{Extended_Pictographic}|[\u1100-\u11ff\u2e80-\uffdc]/u;

export class Chart {
  /**
   * @param {HTMLElement} root holds `.plot`, `.ticks`, `.threshold` and `.cursor`
   * @param {{onHover: Function, onPick: Function, onThreshold: Function}} handlers
   */
  constructor(root, { onHover, onPick, onThreshold }) {
    this.root = root;
    this.plot = new Plot(root.querySelector(".plot"));
    this.handle = root.querySelector(".threshold");
    this.cursor = root.querySelector(".cursor");
    this.ticksBelow = root.querySelector(".ticks");
    this.onThreshold = onThreshold;
    this.data = null;
    this.first = 0;
    this.zoom = null;
    this.top = 4.5;
    this.listen(onHover, onPick);
    this.listenToHandle();
    new ResizeObserver(() => {
      this.measured = null;
      if (this.data) this.draw();
    }).observe(root);
  }

  /** @param data {count, entropies, starts, patchOf, labels, threshold} */
  show(data) {
    const lengthChanged = this.data?.count !== data.count;
    this.data = data;
    if (lengthChanged) this.clampView();
    this.draw();
  }

  /** Pixels between the margins; read once, since reading makes the browser lay out the page. */
  get width() {
    this.measured ??= this.root.clientWidth;
    return Math.max(60, this.measured - MARGIN.l - MARGIN.r);
  }

  /** Bytes shown at once: all of them while they are told apart, fewer after zooming in. */
  get shown() {
    const count = this.data?.count ?? 0;
    const fits = Math.max(16, Math.floor(this.width / NARROWEST));
    return Math.max(1, Math.min(count, this.zoom ?? fits));
  }

  clampView() {
    this.first = Math.max(0, Math.min(this.first, (this.data?.count ?? 0) - this.shown));
  }

  setView(first) {
    this.first = first;
    this.clampView();
    this.draw();
  }

  /** Show half or twice as many bytes, the middle (or the marked byte) stays. */
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
    this.colours ??= readColours();
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
    this.plot.draw(data, frame, this.colours);
    this.drawTicks(first, last);
    this.placeHandle();
    this.mark(this.marked ?? -1);
    this.onView?.({ first, last, count: data.count });
  }

  /** Characters below their bytes; where there is no room, those that start a patch come first. */
  ticks(first, last) {
    const { labels, starts } = this.data;
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

  /** Elements of their own, which stay: a browser is slow to lay out text that is new. */
  drawTicks(first, last) {
    const ticks = this.ticks(first, last);
    while (this.ticksBelow.children.length > ticks.length) this.ticksBelow.lastChild.remove();
    while (this.ticksBelow.children.length < ticks.length) {
      this.ticksBelow.append(document.createElement("span"));
    }
    ticks.forEach(({ i, label }, k) => {
      const tick = this.ticksBelow.children[k];
      if (tick.textContent !== label) tick.textContent = label;
      tick.style.left = `${MARGIN.l + (i - first + 0.5) * this.pixels}px`;
    });
  }

  /** Mark byte `i` by a vertical line. */
  mark(i) {
    this.marked = i;
    const inside = this.data && i >= this.first && i < this.first + this.shown && i < this.data.count;
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
    this.handle.querySelector("output").textContent = threshold.toFixed(2);
    this.handle.setAttribute("aria-valuenow", threshold.toFixed(2));
    this.handle.setAttribute("aria-valuemax", this.top.toFixed(2));
    this.handle.setAttribute("aria-valuetext", `${threshold.toFixed(2)} nats`);
  }

  recolour() {
    this.colours = this.measured = null;
    if (this.data) this.draw();
  }

  byteAt(event) {
    const box = this.root.getBoundingClientRect();
    const i = this.first + Math.floor((event.clientX - box.left - MARGIN.l) / this.pixels);
    return this.data && i >= this.first && i < Math.min(this.data.count, this.first + this.shown) ? i : -1;
  }

  listen(onHover, onPick) {
    this.root.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch" && !this.dragging) onHover(this.byteAt(event));
    });
    this.root.addEventListener("pointerleave", () => onHover(-1));
    this.root.addEventListener("click", (event) => {
      const i = this.byteAt(event);
      if (i >= 0 && !this.handle.contains(event.target)) onPick(i);
    });
    this.root.addEventListener(
      "wheel",
      (event) => {
        if (!this.data || Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
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
      if (event.button) return;
      handle.setPointerCapture(event.pointerId);
      this.grabbed = event.clientY - this.root.getBoundingClientRect().top - this.yOf(this.data.threshold);
      this.dragging = true;
      handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => this.dragging && move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      handle.addEventListener(end, () => (this.dragging = false));
    }
    handle.addEventListener("keydown", (event) => {
      const now = this.data.threshold;
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
