/** The chart of bytes per patch by threshold: on the held-out mix, and on the current text. */

import { find } from "./page.js";
import { node } from "./svg.js";
import { ownCurve } from "./view.js";

const HEIGHT = 112;
const TOP = 6;
const BOTTOM = 18;
const THUMB = 8; // half a slider's thumb: the curve lies below the slider, on the same scale
const MOST = 32; // bytes per patch, at the top; the scale is that of their logarithm
/** @typedef {{nats: number, size: number}} Point */

const LINES = [1, 2, 4, 8, 16, 32];

export class Curve {
  /** Width in pixels; 0 until it has been measured. */
  width = 0;
  shown = false;
  /** @type {import("./text.js").Measured|null} text of the curve `own` */
  measured = null;
  /** @type {"height"|"rise"|null} */
  kind = null;
  threshold = 0;
  /** @type {number|null} bytes per patch of the text */
  size = null;
  /** @type {Point[]} */
  own = [];

  /**
   * @param {HTMLElement} root a figure with an svg and a figcaption
   * @param {{thresholds: number[], bytesPerPatch: number[]}} calibration
   * @param {number} widest nats, the end of the slider
   */
  constructor(root, calibration, widest) {
    this.root = root;
    this.svg = find(root, "svg", SVGSVGElement);
    this.words = find(root, "figcaption");
    this.widest = widest;
    this.mix = calibration.thresholds.map((nats, k) => ({ nats, size: calibration.bytesPerPatch[k] }));
    new ResizeObserver(([{ contentRect }]) => {
      if (!contentRect.width || contentRect.width === this.width) return;
      this.width = contentRect.width;
      if (this.shown) this.draw();
    }).observe(root);
  }

  /**
   * @param {import("./view.js").View} view the measured text
   * @param {"height"|"rise"|null} kind what the threshold is compared with; null hides the curve
   * @param {number} threshold nats
   */
  show(view, kind, threshold) {
    this.root.hidden = kind === null;
    if (kind === null) return;
    if (this.measured !== view.measured || this.kind !== kind) this.own = ownCurve(view, kind === "rise");
    const patches = view.patchLengths.length;
    this.size = patches ? view.measured.bytes.length / patches : null;
    this.measured = view.measured;
    this.kind = kind;
    this.threshold = threshold;
    this.shown = true;
    this.draw();
  }

  draw() {
    if (!this.width) return; // it is drawn when its place has been measured
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.svg.setAttribute("height", String(HEIGHT));
    const mix = this.kind === "height" ? this.mix : [];
    const held = at(mix, this.threshold);
    const x = this.x(this.threshold);
    this.svg.replaceChildren(
      ...LINES.flatMap((size) => this.line(size)),
      node("text", { x: THUMB, y: TOP + 13 }, "bytes per patch"),
      node("path", { class: "mix", d: this.path(mix) }),
      node("path", { class: "own", d: this.path(this.own) }),
      node("line", { class: "at", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
      ...(held === null ? [] : [node("circle", { class: "mix", cx: x, cy: this.y(held), r: 3.5 })]),
      ...(this.size === null ? [] : [node("circle", { class: "own", cx: x, cy: this.y(this.size), r: 4.5 })]),
    );
    this.caption(held);
  }

  line(size) {
    const y = this.y(size);
    const label = node("text", { x: this.width - 2, y: y - 2, "text-anchor": "end" }, size);
    return [node("line", { class: "grid", x1: THUMB, x2: this.width, y1: y, y2: y }), label];
  }

  caption(held) {
    const parts = [part("own", `this text ${this.size === null ? "–" : this.size.toFixed(2)}`)];
    if (held !== null) parts.push(part("mix", `held-out mix ${held.toFixed(2)}`));
    this.words.replaceChildren(...parts, part("hidden", " bytes per patch"));
  }

  x(nats) {
    return THUMB + (Math.min(nats, this.widest) / this.widest) * (this.width - 2 * THUMB);
  }

  y(size) {
    const share = Math.log2(Math.min(MOST, Math.max(1, size))) / Math.log2(MOST);
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  }

  path(points) {
    const inside = points.filter(({ size }, k) => k === 0 || points[k - 1].size < MOST || size < MOST);
    return inside.map(({ nats, size }, k) => `${k ? "L" : "M"}${this.x(nats).toFixed(1)} ${this.y(size).toFixed(1)}`).join("");
  }
}

/**
 * Value of a curve at a threshold, or null outside of it.
 * @param {Point[]} points
 * @param {number} nats
 */
function at(points, nats) {
  const after = points.findIndex((point) => point.nats >= nats);
  if (after < 0) return null;
  if (after === 0) return points[0].nats === nats ? points[0].size : null;
  const [low, high] = [points[after - 1], points[after]];
  const share = (nats - low.nats) / (high.nats - low.nats);
  return low.size + share * (high.size - low.size);
}

function part(name, text) {
  const element = document.createElement("span");
  element.className = name === "hidden" ? name : `key ${name}`;
  element.textContent = text;
  return element;
}
