/** A chart of several curves as SVG: lines, bands, a cursor, and a window to zoom into. */

import { rangeOfY, roundNumbers } from "./ranges.js";
import { nearest, scale, short } from "./scales.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 52, right: 14, top: 10, bottom: 34 };
const DIGIT = 8; // pixels, the width of a digit in the widest of our typefaces
const EARLY = 0.03; // share of the width at which a steep start may leave the chart
const APART = 12; // pixels between dots, below which there are none
const DRAG = 8; // pixels from which a drag is meant
const DOT = 3; // pixels, radius

let charts = 0;

/**
 * A line is `{key, name, tint, xs, ys, low?, high?, faint?, dots?, lost?}`; `ys` may hold nulls, and `lost`
 * are the words for them, if any. `low` and `high` are the ends of a band, and `dots` marks the single measurements.
 * @typedef {object} Line
 * @property {string} key
 * @property {string} name
 * @property {number|string} tint
 * @property {number[]} xs
 * @property {(number|null)[]} ys
 * @property {(number|null)[]|null} [low]
 * @property {(number|null)[]|null} [high]
 * @property {boolean} [faint]
 * @property {boolean} [dots]
 * @property {string} [lost]
 */

/**
 * @typedef {object} Data
 * @property {Line[]} lines
 * @property {number|null} low end of the axis; null for that of the lines
 * @property {number|null} high end of the axis
 * @property {boolean} logX
 * @property {boolean} logY
 * @property {(x: number) => string} words name of a place on the axis
 */

/**
 * @typedef {object} Handlers
 * @property {(x: number|null, speaker?: CurveChart) => void} onCursor `speaker`: the chart that
 *   announces the values to screen readers
 * @property {(low: number|null, high: number|null) => void} onZoom
 */

/** @typedef {ReturnType<typeof scale>} Scale */

export class CurveChart {
  /** @type {number|null} marked x value */
  cursor = null;
  /** @type {Data} data of the latest call of `show` */
  data;
  /** @type {Scale} scale of the x axis, set when something is drawn */
  x;
  /** @type {Scale} */
  y;
  /** Pixels left of the plot, for the labels of the y axis. */
  left = MARGIN.left;
  marks = make("g", {});
  selection = make("rect", {});

  /**
   * @param {HTMLElement} root
   * @param {{label: string, height: number} & Handlers} options
   */
  constructor(root, { label, height, onCursor, onZoom }) {
    this.root = root;
    this.height = height;
    this.onCursor = onCursor;
    this.onZoom = onZoom;
    root.classList.add("curves");
    root.tabIndex = 0;
    root.setAttribute("role", "group");
    root.setAttribute("aria-roledescription", "chart");
    root.setAttribute("aria-label", `${label}. Arrow keys walk along the curves.`);
    this.svg = make("svg", { "aria-hidden": "true", focusable: "false" });
    this.words = element("p", "hidden");
    this.words.setAttribute("role", "status");
    this.tip = element("div", "tip");
    this.tip.hidden = true;
    root.replaceChildren(this.svg, this.tip, this.words);
    this.clip = `curves-${charts++}`;
    this.listen();
    new ResizeObserver(() => this.data && this.draw()).observe(root);
  }

  /** @param {Data} data */
  show(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    const width = Math.max(240, this.root.clientWidth);
    const { height, data } = this;
    const right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    const { low, high } = this.rangeOfX();
    this.x = scale({ low, high, from: MARGIN.left, to: right, log: data.logX });
    const ends = rangeOfY(data, this.x, (right - MARGIN.left) * EARLY);
    this.y = scale({ ...ends, from: bottom, to: MARGIN.top, log: ends.log });
    const longest = Math.max(...this.places().map((place) => short(place).length));
    this.left = Math.max(MARGIN.left, longest * DIGIT + 12);
    this.x = scale({ low, high, from: this.left, to: right, log: data.logX });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", String(height));
    const clip = make("clipPath", { id: this.clip });
    clip.append(make("rect", { x: this.left, y: 0, width: right - this.left, height: bottom + 1 }));
    const inside = make("g", { "clip-path": `url(#${this.clip})` });
    const dots = make("g", {}); // not clipped: those at the edges would be cut in half
    for (const line of data.lines) {
      inside.append(...this.shapes(line));
      dots.append(...this.dots(line));
    }
    this.marks = make("g", { class: "cursor-marks" });
    this.selection = make("rect", { class: "selection", y: MARGIN.top, height: bottom - MARGIN.top });
    this.svg.replaceChildren(clip, ...this.axes(width, right, bottom), inside, dots, this.selection, this.marks);
    this.selection.setAttribute("width", "0");
    this.mark(this.cursor);
  }

  rangeOfX() {
    const { lines, logX } = this.data;
    let low = this.data.low;
    let high = this.data.high;
    for (const { xs } of lines) {
      if (!xs.length) continue;
      const first = logX ? (xs.find((x) => x > 0) ?? 1) : 0;
      low ??= first;
      high ??= xs[xs.length - 1];
      if (this.data.low === null) low = Math.min(low, first);
      if (this.data.high === null) high = Math.max(high, xs[xs.length - 1]);
    }
    if (logX) low = Math.max(low ?? 1, 1e-9);
    return { low: low ?? 0, high: Math.max(high ?? 1, (low ?? 0) * 1.000001, 1e-9) };
  }

  /** Return the numbers at the y axis. */
  places() {
    return roundNumbers(this.y, this.data.logY && this.y.low > 0, this.height < 220 ? 4 : 6);
  }

  axes(width, right, bottom) {
    const { data } = this;
    const found = [];
    for (const place of this.places()) {
      const y = this.y.at(place);
      found.push(make("line", { class: "grid", x1: this.left, x2: right, y1: y, y2: y }));
      found.push(text(this.left - 8, y + 4, short(place), "end"));
    }
    let free = -Infinity;
    for (const place of roundNumbers(this.x, data.logX, Math.max(2, Math.floor(width / 84)))) {
      const x = this.x.at(place);
      if (x < free) continue;
      found.push(make("line", { class: "grid tick", x1: x, x2: x, y1: bottom, y2: bottom + 4 }));
      found.push(text(Math.min(x, right - 4), bottom + 18, data.words(place), "middle"));
      free = x + 52;
    }
    found.push(make("line", { class: "axis", x1: this.left, x2: right, y1: bottom, y2: bottom }));
    return found;
  }

  /** Return whether the dots of a line would touch one another. */
  crowded(line) {
    const { low, high } = this.x;
    const shown = line.xs.filter((x) => x >= low && x <= high).length;
    return shown * APART > this.root.clientWidth;
  }

  shapes(line) {
    const found = [];
    const dashed = line.dots && this.crowded(line);
    const kind = `tint-${line.tint}${line.faint ? " faint" : ""}${dashed ? " dash" : ""}`;
    if (line.low) found.push(make("path", { class: `band ${kind}`, d: this.band(line) }));
    found.push(make("path", { class: `line ${kind}`, d: this.path(line.xs, line.ys) }));
    return found;
  }

  /** Draw the dots of a line inside the window; a dot on the edge is not cut. */
  dots(line) {
    if (line.faint) return [];
    const crowded = this.crowded(line);
    const bottom = this.height - MARGIN.bottom;
    const found = [];
    line.xs.forEach((x, i) => {
      if (line.ys[i] === null || x < this.x.low || x > this.x.high) return;
      const alone = (line.ys[i - 1] ?? null) === null && (line.ys[i + 1] ?? null) === null;
      if (!alone && (!line.dots || crowded)) return;
      const cy = this.yAt(line.ys[i]);
      if (cy < 0 || cy > bottom + 1) return;
      found.push(make("circle", { class: `dot tint-${line.tint}`, cx: this.x.at(x), cy, r: DOT }));
    });
    return found;
  }

  /** Return the y coordinate of a value, even if a logarithmic axis cannot show the value. */
  yAt(value) {
    return this.data.logY && this.y.low > 0 ? this.y.at(Math.max(value, 1e-12)) : this.y.at(value);
  }

  xAt(value) {
    return this.data.logX ? this.x.at(Math.max(value, this.x.low / 10)) : this.x.at(value);
  }

  path(xs, ys) {
    let d = "";
    let pen = "M";
    for (let i = 0; i < xs.length; i++) {
      if (ys[i] === null) {
        pen = "M";
        continue;
      }
      d += `${pen}${this.xAt(xs[i]).toFixed(1)} ${this.yAt(ys[i]).toFixed(1)}`;
      pen = "L";
    }
    return d;
  }

  /** Draw the band between the minimum and the maximum of the values at each point. */
  band({ xs, low, high }) {
    let d = "";
    for (let i = 0; i < xs.length; ) {
      let j = i;
      while (j < xs.length && low[j] !== null) j++;
      if (j > i) {
        const part = xs.slice(i, j);
        const over = this.path(part, high.slice(i, j));
        const under = this.path(part.reverse(), low.slice(i, j).reverse());
        d += `${over}L${under.slice(1)}Z`;
      }
      i = j + 1;
    }
    return d;
  }

  /**
   * Mark the value `x` in all curves, or none for null; with `speak` screen readers announce it.
   * @param {number|null} x
   * @param {boolean} speak
   */
  mark(x, speak = false) {
    this.cursor = x;
    if (!this.x || !this.data) return;
    const inside = x !== null && x >= this.x.low && x <= this.x.high;
    this.marks.replaceChildren();
    this.tip.hidden = !inside;
    if (!inside) return;
    const at = this.xAt(x);
    const bottom = this.height - MARGIN.bottom;
    this.marks.append(make("line", { class: "cursor-line", x1: at, x2: at, y1: MARGIN.top, y2: bottom }));
    const rows = [];
    for (const line of this.data.lines) {
      if (line.faint || !line.xs.length || x > line.xs[line.xs.length - 1] * 1.0001) continue;
      const i = nearest(line.xs, x);
      const value = line.ys[i];
      if (value === null && !line.lost) continue;
      rows.push({ line, words: value === null ? line.lost : short(value) });
      if (value === null) continue;
      const place = { cx: this.xAt(line.xs[i]), cy: this.yAt(value), r: 4 };
      this.marks.append(make("circle", { class: `cursor-dot tint-${line.tint}`, ...place }));
    }
    this.fillTip(x, at, rows);
    if (speak) {
      const values = rows.map((row) => `${row.line.name} ${row.words}`);
      this.words.textContent = `${this.data.words(x)}: ${values.join("; ") || "nothing here"}`;
    }
  }

  fillTip(x, at, rows) {
    const head = element("strong", "", this.data.words(x));
    const list = element("ul", "");
    for (const { line, words } of rows.slice(0, 12)) {
      const row = element("li", "");
      row.append(
        element("i", `swatch tint-${line.tint}${line.dots ? " round" : ""}`),
        element("span", "", line.name),
        element("b", "", words),
      );
      list.append(row);
    }
    this.tip.replaceChildren(head, list);
    const left = at > this.root.clientWidth / 2;
    this.tip.style.left = left ? "" : `${at + 12}px`;
    this.tip.style.right = left ? `${this.root.clientWidth - at + 12}px` : "";
  }

  valueAt(event) {
    const x = event.clientX - this.root.getBoundingClientRect().left;
    return this.x.value(Math.max(this.xAt(this.x.low), Math.min(x, this.xAt(this.x.high))));
  }

  listen() {
    const { root } = this;
    /** @type {{pixel: number, value: number}|null} where a drag began */
    let from = null;
    root.addEventListener("pointerdown", (event) => {
      if (event.button || !this.x) return;
      if (event.pointerType === "touch") return this.onCursor(this.valueAt(event));
      from = { pixel: event.clientX, value: this.valueAt(event) };
      root.setPointerCapture(event.pointerId);
    });
    root.addEventListener("pointermove", (event) => {
      if (!this.x || !this.data) return;
      this.onCursor(this.valueAt(event));
      if (!from) return;
      const [a, b] = [from.value, this.valueAt(event)].sort((p, q) => p - q);
      this.selection.setAttribute("x", String(this.xAt(a)));
      this.selection.setAttribute("width", String(this.xAt(b) - this.xAt(a)));
    });
    root.addEventListener("pointerup", (event) => {
      if (!from) return;
      const [a, b] = [from.value, this.valueAt(event)].sort((p, q) => p - q);
      const meant = Math.abs(event.clientX - from.pixel) >= DRAG;
      from = null;
      this.selection.setAttribute("width", "0");
      if (meant && b > a) this.onZoom(a, b);
    });
    root.addEventListener("pointercancel", () => {
      from = null;
      this.selection.setAttribute("width", "0");
    });
    root.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") this.onCursor(null); // a finger has left, its place stays
    });
    root.addEventListener("dblclick", () => this.onZoom(null, null));
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("blur", () => this.onCursor(null));
  }

  key(event) {
    if (!this.x || event.ctrlKey || event.metaKey || event.altKey) return;
    const { low, high } = this.x;
    const xs = [...new Set(this.data.lines.flatMap((line) => line.xs))].filter((x) => x >= low && x <= high).sort((a, b) => a - b);
    if (!xs.length) return;
    const now = this.cursor === null ? -1 : nearest(xs, this.cursor);
    const far = Math.max(1, Math.round(xs.length / 10));
    const places = {
      ArrowRight: now + 1,
      ArrowLeft: now < 0 ? xs.length - 1 : now - 1,
      PageDown: now + far,
      PageUp: now - far,
      Home: 0,
      End: xs.length - 1,
    };
    const middle = this.cursor ?? (low + high) / 2;
    if (event.key in places) {
      const place = Math.max(0, Math.min(xs.length - 1, places[event.key]));
      this.onCursor(xs[place], this);
    } else if (event.key === "+" || event.key === "=") {
      this.onZoom(middle - (middle - low) / 2, middle + (high - middle) / 2);
    } else if (event.key === "-" || event.key === "Escape") {
      this.onZoom(null, null);
    } else return;
    event.preventDefault();
  }
}

/**
 * Return a new SVG element with attributes.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} name
 * @param {Record<string, any>} attributes
 * @returns {SVGElementTagNameMap[Tag]}
 */
function make(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function text(x, y, words, anchor) {
  const node = make("text", { x, y, "text-anchor": anchor });
  node.textContent = words;
  return node;
}

/**
 * Return a new HTML element with a class and a text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} name
 * @param {string} kind its class
 * @param {string|null} words
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(name, kind, words = null) {
  const node = document.createElement(name);
  if (kind) node.className = kind;
  if (words !== null) node.textContent = words;
  return node;
}
