/** The text coloured by patch; the pointer, a tap or the arrow keys select a byte. */

import { around } from "./page.js";
import { measure } from "./text.js";

export const COLOURS = 5;
const PER_UNIT_LIMIT = 4096;

/** @typedef {import("./text.js").Unit} Unit */

export class TextView {
  measured = measure("");
  starts = new Uint8Array(0);
  patchOf = new Uint32Array(0);
  /** @type {HTMLElement[]} one for each unit, or for each patch of a long text */
  elements = [];
  /** @type {string[]} current classes of each element */
  classes = [];
  /** @type {Unit[]} units that `elements` show */
  built = [];
  byPatch = false;
  /** Marked byte, or -1. */
  active = -1;
  /** @type {HTMLElement|null} marked element */
  current = null;
  /** @type {HTMLElement|null} element that the Tab key reaches */
  stop = null;

  /**
   * @param {HTMLElement} root
   * @param {{onHover: (i: number) => void, onPick: (i: number) => void, describe: (i: number) => string}} handlers
   */
  constructor(root, { onHover, onPick, describe }) {
    this.root = root;
    this.describe = describe;
    root.textContent = ""; // what the server has drawn
    root.setAttribute("role", "listbox");
    root.setAttribute("aria-orientation", "horizontal");
    root.setAttribute("aria-labelledby", "patches-title");
    root.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch") return;
      const i = this.byteUnder(event);
      if (i >= 0) onHover(i);
    });
    root.addEventListener("pointerleave", () => onHover(-1));
    root.addEventListener("click", (event) => {
      const i = this.byteUnder(event);
      if (i >= 0) onPick(i);
    });
    root.addEventListener("focusin", (event) => {
      const start = around(event, "[data-i]")?.dataset.i;
      if (start === undefined) return;
      const span = this.spanOf(Math.max(0, this.active));
      if (this.active < 0 || span !== event.target) onPick(Number(start));
    });
    root.addEventListener("keydown", (event) => this.walk(event, onPick));
    document.addEventListener("copy", (event) => this.carry(event, event.clipboardData));
    root.addEventListener("dragstart", (event) => this.carry(event, event.dataTransfer));
  }

  /** Give the text itself to what is copied or dragged away, without the signs for tabs and line ends. */
  carry(event, transfer) {
    const text = this.selectedText();
    if (text === null || !transfer) return;
    transfer.clearData();
    transfer.setData("text/plain", text);
    if (event.type === "copy") event.preventDefault();
  }

  /** Return the selected part of the text; null if nothing else or something else is selected. */
  selectedText() {
    const selection = getSelection();
    if (!selection || selection.isCollapsed || !selection.rangeCount) return null;
    const range = selection.getRangeAt(0);
    if (!range.intersectsNode(this.root)) return null;
    const { units, unitOf } = this.measured;
    const chosen = [];
    let shown = "";
    this.elements.forEach((element, k) => {
      if (!range.intersectsNode(element)) return;
      const [from, to] = extent(range, element);
      const next = this.elements[k + 1]?.dataset.i;
      const last = next === undefined ? units.length : unitOf[Number(next)];
      shown += element.textContent.slice(from, to);
      let at = 0;
      for (let unit = unitOf[Number(element.dataset.i)]; unit < last; unit++) {
        const end = at + units[unit].shown.length;
        if (end > from && at < to) chosen.push(units[unit].text);
        at = end;
      }
    });
    const more = range.toString().trim() !== shown.trim(); // it reaches beyond this text
    return more || !chosen.length ? null : chosen.join("");
  }

  /** Show a measured text; `starts` and `patchOf` have the patch start and the patch of each byte. */
  show(measured, starts, patchOf) {
    const fresh = measured.text !== this.measured.text || !this.elements.length;
    this.measured = measured;
    this.starts = starts;
    this.patchOf = patchOf;
    if (measured.bytes.length > PER_UNIT_LIMIT) this.buildByPatch();
    else {
      if (fresh || this.byPatch) this.buildByUnit();
      this.colour();
    }
    this.root.classList.toggle("many", measured.bytes.length > 160);
    this.root.classList.toggle("empty", measured.bytes.length === 0);
    this.mark(Math.min(this.active, measured.bytes.length - 1));
  }

  buildByUnit() {
    const { units } = this.measured;
    const keep = this.byPatch ? 0 : Math.min(this.elements.length, units.length);
    if (this.byPatch) {
      this.root.textContent = "";
      this.elements = [];
    }
    this.byPatch = false;
    for (const element of this.elements.splice(units.length)) element.remove();
    for (let k = 0; k < keep; k++) {
      const element = this.elements[k];
      const before = this.built[k]; // what stands there is not read again: reading takes longer
      if (before.shown !== units[k].shown) {
        element.textContent = units[k].shown;
        nameBlank(element);
      }
      if (before.start !== units[k].start) element.dataset.i = String(units[k].start);
    }
    const added = document.createDocumentFragment();
    for (let k = keep; k < units.length; k++) {
      const element = unitElement(units[k].shown, units[k].start);
      this.elements.push(element);
      added.append(element);
    }
    this.root.append(added);
    this.built = units;
    this.classes.length = keep;
  }

  colour() {
    this.measured.units.forEach((unit, k) => {
      const first = this.patchOf[unit.start];
      const last = this.patchOf[unit.start + unit.length - 1];
      const split = first !== last;
      const started = this.starts[unit.start];
      let classes = `u p${first % COLOURS}`;
      if (started) classes += unit.rtl ? " s r" : " s";
      classes += this.more(unit);
      if (split) classes += " split";
      const key = split ? `${classes}${unit.rtl}${this.patchOf.subarray(unit.start, unit.start + unit.length)}` : classes;
      if (this.classes[k] === key) return;
      this.classes[k] = key;
      const element = this.elements[k];
      element.className = classes;
      element.style.backgroundImage = split ? strip(unit, this.patchOf) : "";
    });
    this.current?.classList.add("on");
  }

  /**
   * Return further CSS classes of a unit, each with a space in front.
   * @param {Unit} _unit
   */
  more(_unit) {
    return "";
  }

  /** Build one element per patch, for a long text; a character belongs to the patch of its first byte. */
  buildByPatch() {
    this.byPatch = true;
    this.elements = [];
    this.classes = [];
    const all = document.createDocumentFragment();
    let text = "";
    let start = 0;
    let patch = -1;
    const flush = () => {
      if (!text) return;
      const element = unitElement(text, start);
      element.className = `u s p${patch % COLOURS}`;
      this.elements.push(element);
      all.append(element);
    };
    for (const unit of this.measured.units) {
      if (this.patchOf[unit.start] !== patch) {
        flush();
        text = "";
        start = unit.start;
        patch = this.patchOf[start];
      }
      text += unit.shown;
    }
    flush();
    this.root.replaceChildren(all);
  }

  /** Mark byte `i`, whose details the page shows. */
  mark(i) {
    const span = i < 0 ? null : this.spanOf(i);
    this.active = i;
    const stop = span ?? this.elements[0] ?? null;
    if (this.stop !== stop) {
      if (this.stop) this.stop.tabIndex = -1;
      if (stop) stop.tabIndex = 0;
      this.stop = stop;
    }
    if (this.current !== span) {
      this.current?.classList.remove("on");
      this.current?.removeAttribute("aria-selected");
      if (this.current) nameBlank(this.current);
      this.current = span;
    }
    if (!span) return;
    span.classList.add("on");
    span.setAttribute("aria-selected", "true");
    span.setAttribute("aria-label", this.describe(i));
  }

  spanOf(i) {
    if (!this.byPatch) return this.elements[this.measured.unitOf[i]];
    let low = 0;
    let high = this.elements.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (Number(this.elements[middle].dataset.i) <= i) low = middle;
      else high = middle - 1;
    }
    return this.elements[low];
  }

  /** Return the byte under the pointer; a character of several bytes is divided evenly. */
  byteUnder(event) {
    const span = around(event, "[data-i]");
    if (!span || span.parentNode !== this.root) return -1;
    const start = Number(span.dataset.i);
    if (this.byPatch) return start;
    const unit = this.measured.units[this.measured.unitOf[start]];
    if (!unit || unit.length === 1) return start;
    const box = span.getBoundingClientRect();
    const share = (event.clientX - box.left) / Math.max(1, box.width);
    const part = Math.floor((unit.rtl ? 1 - share : share) * unit.length);
    return start + Math.min(unit.length - 1, Math.max(0, part));
  }

  walk(event, onPick) {
    const count = this.measured.bytes.length;
    if (!count || event.ctrlKey || event.metaKey || event.altKey) return;
    const rtl = getComputedStyle(this.root).direction === "rtl" ? -1 : 1;
    const at = Math.max(0, this.active);
    const targets = {
      ArrowRight: at + rtl,
      ArrowLeft: at - rtl,
      ArrowDown: this.nextStart(at, 1),
      ArrowUp: this.nextStart(at, -1),
      Home: 0,
      End: count - 1,
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    const i = Math.min(count - 1, Math.max(0, targets[event.key]));
    onPick(i);
    this.spanOf(i).focus({ preventScroll: false });
  }

  /** Return the first byte of the next patch after byte `i`, or backwards of its own or the previous one. */
  nextStart(i, direction) {
    let at = i + direction;
    while (at > 0 && at < this.starts.length && !this.starts[at]) at += direction;
    return at;
  }
}

/** Return the first and the last place of a range in the text of an element that it meets. */
function extent(range, element) {
  const inside = document.createRange();
  inside.selectNodeContents(element);
  const length = inside.toString().length;
  if (range.comparePoint(inside.startContainer, inside.startOffset) < 0) inside.setStart(range.startContainer, range.startOffset);
  const from = length - inside.toString().length;
  if (range.comparePoint(inside.endContainer, inside.endOffset) > 0) inside.setEnd(range.endContainer, range.endOffset);
  return [from, from + inside.toString().length];
}

function unitElement(text, start) {
  const element = document.createElement("span");
  element.textContent = text;
  element.dataset.i = String(start);
  element.setAttribute("role", "option");
  element.tabIndex = -1;
  nameBlank(element);
  return element;
}

/** Give a space a name, because screen readers do not read spaces. */
function nameBlank(element) {
  if (element.textContent.trim()) element.removeAttribute("aria-label");
  else element.setAttribute("aria-label", "space");
}

/** Return the strip below a character whose bytes are in several patches, in reading direction. */
function strip(unit, patchOf) {
  const parts = [];
  for (let b = 0; b < unit.length; b++) {
    const colour = `var(--p${patchOf[unit.start + b] % COLOURS}-strong)`;
    const from = (100 * b) / unit.length;
    const to = (100 * (b + 1)) / unit.length;
    const begins = b > 0 && patchOf[unit.start + b] !== patchOf[unit.start + b - 1];
    if (begins) parts.push(`var(--panel) ${from}% calc(${from}% + 1px)`);
    parts.push(`${colour} ${begins ? `calc(${from}% + 1px)` : `${from}%`} ${to}%`);
  }
  return `linear-gradient(to ${unit.rtl ? "left" : "right"}, ${parts.join(", ")})`;
}
