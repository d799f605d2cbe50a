/**
 * The drawing of an inspected text: a column for every byte, with BOS first and the unseen next byte last, and
 * strips below one another for what the model computes.
 *
 * A token's number is its column: BOS is 0, byte i is i + 1. The output of the decoder at token t is
 * the prediction of token t + 1, and is drawn there, in the column of the byte that is predicted.
 */

import { describeCharacter } from "./text.js";
import { around, find } from "./page.js";
import { colour, node } from "./svg.js";

export const COLUMN = 24;
const LABELS = 74;
const BARS = 54; // height of the entropies
const ROW = 15; // of a row of a map
const x = (column) => column * COLUMN;

export class Score {
  /** @type {Record<string, any>} view of the latest call of `show`; see inside.js */
  view;
  /** Width of a strip in pixels. */
  width = 0;
  /** @type {Map<string, SVGElement[]>} elements that can be highlighted, by the patch or byte that they show */
  lit = new Map();
  /** @type {SVGElement[]} the column of the chosen byte, in each strip */
  here = [];
  /** @type {SVGElement[]} */
  marked = [];

  /**
   * @param {HTMLElement} root scrollable element that contains the strips
   * @param {{onHover: (i: number) => void, onPick: (i: number) => void}} handlers byte i; -1: none
   */
  constructor(root, { onHover, onPick }) {
    this.root = root;
    root.addEventListener("pointermove", (event) => {
      const i = event.pointerType === "touch" ? null : this.byteAt(event);
      if (i !== null) onHover(i);
    });
    root.addEventListener("pointerleave", () => onHover(-1));
    root.addEventListener("click", (event) => {
      const i = this.byteAt(event);
      if (i !== null) onPick(i);
    });
  }

  /** Return the byte under the pointer, or null if there is no column. */
  byteAt(event) {
    const svg = around(event, ".strip svg:not(.labels)");
    if (!svg || !this.view?.count) return null;
    const column = Math.floor((event.clientX - svg.getBoundingClientRect().left) / COLUMN);
    return Math.min(this.view.count - 1, Math.max(0, column - 1));
  }

  /** Draw a view (see inside.js); `head` is the head whose maps are shown, null for their mean. */
  show(view, head) {
    this.view = view;
    this.width = x(view.count + 2);
    this.lit = new Map();
    this.here = [];
    this.drawBytes();
    this.drawMap(
      "encoder",
      view.encoder.filter((map) => map.head === head),
    );
    this.drawLag();
    this.drawDecoder(view.decoder.filter((map) => map.head === head));
    this.block("encoder").hidden = !view.encoder.length;
    this.block("hashes").hidden = !view.hashes.length;
  }

  /** Return the element that contains a strip and its heading. */
  block(name) {
    return /** @type {HTMLElement} */ (find(this.root, `[data-strip=${name}]`).closest(".block"));
  }

  /** Create the two drawings of a strip, labels that stay and columns that scroll, both empty. */
  begin(name, height) {
    const labels = node("svg", { class: "labels", width: LABELS, height, "aria-hidden": "true" });
    const strip = node("svg", { width: this.width, height, "aria-hidden": "true" });
    const here = node("rect", { class: "here", y: 0, width: COLUMN, height, x: -COLUMN });
    strip.append(here);
    this.here = this.here.filter((each) => each.dataset.of !== name);
    here.dataset.of = name;
    this.here.push(here);
    find(this.root, `[data-strip=${name}]`).replaceChildren(labels, strip);
    return { labels, strip };
  }

  label(labels, y, text) {
    labels.append(node("text", { x: LABELS - 8, y }, text));
  }

  remember(key, element) {
    const known = this.lit.get(key);
    if (known) known.push(element);
    else this.lit.set(key, [element]);
    return element;
  }

  drawBytes() {
    const { count, entropies, threshold, patches } = this.view;
    const top = entropies ? BARS + 8 : 0;
    const { labels, strip } = this.begin("bytes", top + 66);
    if (entropies) this.drawEntropies(strip, labels, entropies, threshold);
    strip.append(node("rect", { class: "cell bos", x: 1, y: top, width: COLUMN - 2, height: 26, rx: 3 }));
    strip.append(node("text", { class: "small-text", x: COLUMN / 2, y: top + 16 }, "BOS"));
    this.cells(strip, top, (i) => colour(this.view.readInto[i + 1]), true);
    strip.append(node("text", { class: "glyph-text", x: x(count + 1) + COLUMN / 2, y: top + 18 }, "?"));
    this.label(labels, top + 17, "bytes");
    this.label(labels, top + 58, "patches");
    for (const { position, start, length, complete } of patches) {
      this.box(strip, position, x(start + 1), x(start + length + 1), top + 44, complete);
    }
    this.box(strip, 0, 0, COLUMN, top + 44, true);
  }

  drawEntropies(strip, labels, entropies, threshold) {
    const highest = Math.max(threshold ?? 0, 4, ...entropies);
    const height = (nats) => (nats / highest) * BARS;
    entropies.forEach((nats, token) => {
      const starts = threshold !== null && nats > threshold;
      const tall = Math.max(1, height(nats));
      strip.append(
        node("rect", {
          class: starts ? "bar starts" : "bar",
          ...{ x: x(token + 1) + 5, y: BARS - tall, width: COLUMN - 10, height: tall, rx: 1 },
        }),
      );
    });
    if (threshold !== null) {
      const y = BARS - height(threshold);
      strip.append(node("path", { class: "threshold", d: `M0 ${y}H${this.width}` }));
      this.label(labels, y + 4, threshold.toFixed(2));
    }
    this.label(labels, height(threshold ?? 0) < BARS / 2 ? 11 : BARS - 2, "entropy");
  }

  /** Draw every byte in its colour, and every character above its bytes. */
  cells(strip, y, hue, hex) {
    const { measured } = this.view;
    for (const unit of measured.units) {
      for (let i = unit.start; i < unit.start + unit.length; i++) {
        const cell = node("rect", { class: `cell ${hue(i)}`, x: x(i + 1) + 1, y, width: COLUMN - 2, height: 26, rx: 3 });
        strip.append(cell);
        if (!hex) continue;
        const value = measured.bytes[i].toString(16).toUpperCase().padStart(2, "0");
        strip.append(node("text", { class: "small-text", x: x(i + 1) + COLUMN / 2, y: y + 37 }, value));
      }
      const middle = x(unit.start + 1) + (unit.length * COLUMN) / 2;
      strip.append(node("text", { class: "glyph-text", x: middle, y: y + 18 }, glyph(unit)));
    }
  }

  box(strip, position, from, to, y, complete) {
    const kind = `patch ${colour(position)}${complete ? "" : " open"}`;
    const box = node("rect", { class: kind, x: from + 1.5, y, width: to - from - 3, height: 20, rx: 4 });
    strip.append(this.remember(`own ${position}`, box));
    strip.append(node("text", { class: "place-text", x: (from + to) / 2, y: y + 14 }, position));
  }

  /** Draw the n-grams that end at byte `i`, one below the other. */
  drawHashes(i) {
    const { hashes } = this.view;
    const { labels, strip } = this.begin("hashes", hashes.length * 20 + 4);
    hashes.forEach(({ size, buckets }, row) => {
      const y = row * 20 + 2;
      const from = Math.max(0, i + 2 - size);
      const width = x(i + 2) - x(from);
      this.label(labels, y + 12, `${size} bytes`);
      strip.append(node("rect", { class: "gram", x: x(from) + 1, y, width: width - 2, height: 16, rx: 4 }));
      const text = `row ${buckets[i + 1].toLocaleString("en")}`;
      const room = this.width - x(i + 2);
      const place = room > 90 ? { x: x(i + 2) + 6 } : { x: x(from) - 6, "text-anchor": "end" };
      strip.append(node("text", { class: "gram-text", y: y + 12, ...place }, text));
    });
  }

  /** Draw the cross-attention weights of the encoder: each column has the weights that the vectors of a patch give a token. */
  drawMap(name, maps) {
    const vectors = maps[0]?.weights.length ?? 0;
    const { labels, strip } = this.begin(name, Math.max(1, maps.length * (vectors * ROW + 8)));
    maps.forEach(({ layer, weights }, number) => {
      const y = number * (vectors * ROW + 8) + 2;
      this.layerLabels(labels, y, vectors, maps.length > 1 ? layer : null);
      this.heat(strip, y, weights, 0, (token) => colour(this.view.readInto[token]));
      for (const { position, start, length } of this.view.patches) {
        const frame = { x: x(start + 1) + 0.5, y: y - 0.5, width: length * COLUMN - 1, height: vectors * ROW };
        strip.append(this.remember(`own ${position}`, node("rect", { class: "frame", ...frame, rx: 2 })));
      }
    });
  }

  layerLabels(labels, y, vectors, layer) {
    for (let k = 0; k < vectors; k++) {
      const name = layer !== null && k === 0 ? `layer ${layer} v1` : `v${k + 1}`;
      this.label(labels, y + k * ROW + 11, layer === null ? `vector ${k + 1}` : name);
    }
  }

  /** Draw weights as cells, a higher weight darker, `shift` columns to the right of their token. */
  heat(strip, y, weights, shift, hue) {
    weights.forEach((row, k) => {
      row.forEach((weight, token) => {
        if (weight <= 0) return;
        strip.append(
          node("rect", {
            class: `heat ${hue(token)}`,
            ...{ x: x(token + shift) + 2, y: y + k * ROW + 1, width: COLUMN - 4, height: ROW - 3, rx: 2 },
            "fill-opacity": Math.max(0.04, weight ** 0.7).toFixed(3),
          }),
        );
      });
    });
  }

  /** Draw each patch, connected to the later bytes that are predicted from it. */
  drawLag() {
    const { labels, strip } = this.begin("lag", 112);
    this.label(labels, 16, "patch");
    this.label(labels, 102, "predicted");
    const spans = new Map([[0, [0, COLUMN]]]);
    for (const { position, start, length } of this.view.patches) {
      spans.set(position, [x(start + 1), x(start + length + 1)]);
    }
    for (const { source, from, to } of this.view.readers) {
      const [left, right] = spans.get(source) ?? [0, COLUMN];
      const d = `M${left + 2} 23C${left + 2} 56 ${x(from) + 2} 56 ${x(from) + 2} 88H${x(to) - 2}C${x(to) - 2} 56 ${right - 2} 56 ${right - 2} 23z`;
      strip.append(this.remember(`source ${source}`, node("path", { class: `ribbon ${colour(source)}`, d })));
    }
    for (const { position, start, length, complete } of [...this.view.patches, { position: 0, start: -1, length: 1, complete: true }]) {
      this.box(strip, position, x(start + 1), x(start + length + 1), 2, complete);
    }
    for (const { source, from, to } of this.view.readers) {
      const box = { x: x(from) + 1.5, y: 89, width: (to - from) * COLUMN - 3, height: 20, rx: 4 };
      strip.append(this.remember(`source ${source}`, node("rect", { class: `patch ${colour(source)}`, ...box })));
      const text = to - from > 2 ? `from ${source}` : source;
      strip.append(node("text", { class: "place-text", x: (x(from) + x(to)) / 2, y: 103 }, text));
    }
  }

  drawDecoder(maps) {
    const vectors = maps[0]?.weights.length ?? 0;
    const layer = vectors * ROW + 8;
    const top = maps.length * layer;
    const { labels, strip } = this.begin("decoder", top + 70);
    maps.forEach((map, number) => {
      const y = number * layer + 2;
      this.layerLabels(labels, y, vectors, map.layer);
      this.heat(strip, y, map.weights, 1, (token) => colour(this.view.predictedFrom[token]));
    });
    this.cells(strip, top + 2, (i) => colour(this.view.predictedFrom[i]), false);
    this.view.nats.forEach((nats, i) => {
      const tall = Math.max(1, Math.exp(-nats) * 34);
      strip.append(node("rect", { class: "chance", x: x(i + 1) + 5, y: top + 66 - tall, width: COLUMN - 10, height: tall, rx: 1 }));
    });
    this.label(labels, top + 19, "predicted");
    this.label(labels, top + 62, "chance");
  }

  /** Highlight everything that belongs to byte `i`. */
  mark(i) {
    for (const element of this.marked) element.classList.remove("on");
    this.drawHashes(i);
    for (const here of this.here) here.setAttribute("x", String(x(i + 1)));
    const own = this.lit.get(`own ${this.view.readInto[i + 1]}`) ?? [];
    const source = this.lit.get(`source ${this.view.predictedFrom[i]}`) ?? [];
    this.marked = [...own, ...source];
    for (const element of this.marked) element.classList.add("on");
  }

  /** Scroll until the column of byte `i` is visible, with some room on both sides. */
  reveal(i) {
    const room = Math.min(4 * COLUMN, (this.root.clientWidth - LABELS) / 4);
    const left = x(i + 1);
    const seen = this.root.clientWidth - LABELS;
    if (left - room < this.root.scrollLeft) this.root.scrollLeft = left - room;
    else if (left + COLUMN + room > this.root.scrollLeft + seen) this.root.scrollLeft = left + COLUMN + room - seen;
  }
}

function glyph(unit) {
  const characters = Array.from(unit.text);
  const { glyph: face, words } = describeCharacter(characters[0]);
  return characters.length === 1 && (!words || unit.length > 2) ? face : unit.shown.trim();
}
