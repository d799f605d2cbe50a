/** The comparison: one row for each way to split the same text, with bytes below one another. */

import { find, findAll, around } from "./page.js";
import { drawStrip, glyphsWithin, piecesWithin, readColours } from "./strip.js";
import { startsBy, startsOf } from "./view.js";

const NARROWEST = 6.2; // pixels a byte
const WIDEST = 22;
const LABELLED = 40; // pieces that are read out
const NEAR = "300px"; // how far below the screen rows are drawn

const decoder = new TextDecoder();

/** @typedef {{splitter: string, title: string, starts: Uint8Array|null}} Split a text cut in one way; null: it is not known */

export class Rows {
  /** @type {import("./view.js").View} the last that was shown */
  view;
  /** @type {Record<string, Parameters<typeof startsBy>[1]>} */
  rules = {};
  /** Name of the row of the rule that the page uses. */
  now = "";
  stale = false;
  waits = false;
  near = false;
  first = 0;
  /** Number of bytes that are shown. */
  shown = 0;
  /** Width of a byte in pixels. */
  cell = 0;
  /** Width of a row in pixels; 0 until it has been measured. */
  room = 0;
  marked = -1;
  /** @type {Record<string, number[]|undefined>} lengths by splitter, of text `tokensOf` */
  tokens = {};
  /** @type {string|null} */
  tokensOf = null;
  /** @type {string|null} */
  askedFor = null;
  /** @type {Split[]|null} */
  drawnSplits = null;
  /** @type {ReturnType<typeof readColours>|null} */
  colours = null;

  /**
   * @param {HTMLElement} root the section
   * @param {{onHover: (i: number) => void, onPick: (i: number) => void, onLack: (text: string, bytes: number) => void}} handlers
   *   `onLack`: called if the rows are visible and the tokens of the text are not loaded
   */
  constructor(root, { onHover, onPick, onLack }) {
    this.root = root;
    this.table = find(root, "table");
    this.range = find(root, ".rows-at", HTMLInputElement);
    this.words = find(root, ".rows-words");
    this.onLack = onLack;
    this.rows = findAll(this.table, "tr[data-splitter]").map(partsOf);
    this.own = this.rows.filter((row) => row.splitter === "now")[0];
    /** Splitters whose pieces only the server can compute. */
    this.asked = this.rows.filter((row) => row.bpe).map((row) => row.splitter);
    this.listen(onHover, onPick);
    new IntersectionObserver(
      ([entry]) => {
        this.near = entry.isIntersecting;
        if (this.near) this.soon();
      },
      { rootMargin: NEAR },
    ).observe(root);
    new ResizeObserver(() => {
      this.room = 0;
      this.soon();
    }).observe(this.table);
  }

  /** Draw a view; `rules` has the options of each rule, `now` is the name of the row of the chosen rule. */
  show(view, rules, now) {
    this.view = view;
    this.rules = rules;
    this.now = now;
    this.stale = true;
    this.soon();
  }

  /** Set the lengths of the tokens of a text by splitter; a splitter without tokens is undefined. */
  setTokens(text, tokens) {
    this.tokensOf = text;
    this.askedFor = text;
    this.tokens = tokens;
    this.stale = true;
    this.soon();
  }

  /** Handle a failed request for tokens; the next text requests its tokens again. */
  fail() {
    this.words.textContent = "The tokens cannot be fetched now.";
  }

  get lacking() {
    return this.tokensOf !== this.view.measured.text;
  }

  ask() {
    const { text, bytes } = this.view.measured;
    if (!this.lacking || this.askedFor === text || !this.asked.length) return;
    this.askedFor = text;
    this.onLack(text, bytes.length);
  }

  /** Draw the rows after the chart, and only if they are visible. */
  soon() {
    if (this.waits || !this.view || (!this.near && this.drawnSplits)) return;
    this.waits = true;
    const draw = () => {
      this.waits = false;
      if (this.near) this.ask();
      this.draw();
    };
    // The picture above is painted first; the first time there is something to see at once.
    const later = this.near ? setTimeout : (window.requestIdleCallback ?? setTimeout);
    requestAnimationFrame(() => later(draw));
  }

  /**
   * Return all rows with their pieces, for drawing and for export.
   * @returns {Split[]}
   */
  splits() {
    const { view } = this;
    const count = view.measured.bytes.length;
    return this.rows
      .filter((row) => !row.element.hidden)
      .map(({ splitter, title, bpe }) => {
        /** @type {Uint8Array|null} */
        let starts = null;
        const lengths = this.tokens[splitter];
        if (splitter === "now") starts = view.starts;
        else if (splitter in this.rules) starts = startsBy(view, this.rules[splitter]);
        else if (bpe && !this.lacking && lengths) starts = startsOf(lengths, count);
        return { splitter, title: title.textContent, starts };
      });
  }

  draw() {
    const now = this.own;
    now.element.hidden = this.now in this.rules;
    now.title.textContent = this.now[0].toUpperCase() + this.now.slice(1);
    const splits = this.stale || !this.drawnSplits ? this.splits() : this.drawnSplits;
    this.drawnSplits = splits;
    this.stale = false;
    const count = this.view.measured.bytes.length;
    this.room ||= this.rows.filter((row) => !row.element.hidden)[0].cell.clientWidth;
    const { room } = this;
    const shown = Math.max(1, Math.min(count, Math.floor(room / NARROWEST)));
    this.cell = Math.min(WIDEST, room / shown);
    this.shown = shown;
    this.first = Math.max(0, Math.min(this.first, count - shown));
    const colours = this.colours ?? readColours();
    this.colours = colours;
    const last = Math.min(count, this.first + shown);
    const glyphs = glyphsWithin(this.view.measured, this.first, last, this.cell);
    for (const split of splits) this.drawRow(split, last, glyphs, colours);
    this.drawWindow(count, last);
    this.mark(this.marked);
  }

  drawRow({ splitter, starts }, last, glyphs, colours) {
    const row = this.rows.filter((one) => one.splitter === splitter)[0];
    const count = this.view.measured.bytes.length;
    row.element.classList.toggle("current", splitter === this.now || splitter === "now");
    // Tokens of the text before stay, paler, until those of this one are there.
    const waiting = starts === null;
    row.element.classList.toggle("waiting", waiting);
    if (waiting) return;
    let pieces = 0;
    for (let i = 0; i < count; i++) pieces += starts[i];
    row.count.textContent = pieces.toLocaleString("en");
    row.mean.textContent = pieces ? (count / pieces).toFixed(2) : "–";
    const within = piecesWithin(starts, this.first, last);
    const { first, cell } = this;
    drawStrip(row.canvas, { pieces: within, glyphs, first, last, cell, height: row.height, colours });
    row.canvas.setAttribute("aria-label", this.label(within));
  }

  label(pieces) {
    const { bytes } = this.view.measured;
    const texts = pieces.slice(0, LABELLED).map(({ start, end }) => decoder.decode(bytes.subarray(start, end)));
    return texts.join(" | ") + (pieces.length > LABELLED ? " | and more" : "") || "nothing";
  }

  drawWindow(count, last) {
    const all = this.shown >= count;
    this.range.hidden = all;
    this.range.max = String(Math.max(0, count - this.shown));
    this.range.value = String(this.first);
    const words = count ? `bytes ${this.first + 1}–${last} of ${count.toLocaleString("en")}` : "";
    this.range.setAttribute("aria-valuetext", words);
    this.words.textContent = all ? "" : words;
  }

  /** Scroll until byte `i` is visible. */
  reveal(i) {
    if (i >= this.first && i < this.first + this.shown) return;
    this.first = Math.round(i - this.shown / 2);
    this.soon();
  }

  /** Mark byte `i` in all rows. */
  mark(i) {
    this.marked = i;
    if (!this.cell) return;
    const inside = i >= this.first && i < this.first + this.shown;
    this.table.classList.toggle("marked", inside);
    if (!inside) return;
    this.table.style.setProperty("--at", `${(i - this.first) * this.cell}px`);
    this.table.style.setProperty("--wide", `${this.cell}px`);
  }

  recolour() {
    this.colours = null;
    this.room = 0;
    if (this.view) this.draw();
  }

  byteAt(event) {
    const canvas = around(event, "canvas");
    if (!canvas || !this.cell) return -1;
    const i = this.first + Math.floor((event.clientX - canvas.getBoundingClientRect().left) / this.cell);
    return i >= 0 && i < this.view.measured.bytes.length ? i : -1;
  }

  listen(onHover, onPick) {
    this.table.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch") onHover(this.byteAt(event));
    });
    this.table.addEventListener("pointerleave", () => onHover(-1));
    this.table.addEventListener("click", (event) => {
      const i = this.byteAt(event);
      if (i >= 0) onPick(i);
    });
    this.range.addEventListener("input", () => {
      this.first = Number(this.range.value);
      this.draw();
    });
  }
}

/** @param {HTMLElement} element a row of the table */
function partsOf(element) {
  return {
    element,
    canvas: find(element, "canvas", HTMLCanvasElement),
    splitter: element.dataset.splitter ?? "",
    bpe: "bpe" in element.dataset,
    cell: find(element, ".strip"),
    title: find(element, ".name"),
    count: find(element, ".count"),
    mean: find(element, ".mean"),
    height: 30,
  };
}
