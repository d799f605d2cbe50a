/** The current view as a picture for PNG and SVG: patches, entropies and rows of the comparison. */

import { glyphsWithin, letterSize, piecesWithin, readColours } from "./strip.js";
import { COLOURS } from "./textview.js";

const WIDTH = 1200;
const PAD = 36;
const INNER = WIDTH - 2 * PAD;
const SIZE = 20; // pixels, of the patches' letters
const CHART = 230;
const AXIS = 42;
const NAMES = 120; // left of the strips
const COUNTS = 150; // right of them
const STRIP = 28;
const GAP = 8;

/**
 * @typedef {object} Pictured
 * @property {import("./view.js").View} view
 * @property {{first: number, last: number}} window bytes from and to
 * @property {number} top nats at the end of the chart's scale
 * @property {number|null} threshold nats
 * @property {string} heading
 * @property {import("./rows.js").Split[]} splits
 */

/**
 * @param {Pictured} what
 * @returns {import("./scene.js").Scene}
 */
export function picture(what) {
  const colours = readColours();
  /** @type {import("./scene.js").Shape[]} */
  const shapes = [];
  let y = PAD;
  const heading = (text) => {
    shapes.push(words(text, PAD, y + 9, colours, { size: 15, weight: 600 }));
    y += 30;
  };
  shapes.push(words("Bytes, entropies, patches", PAD, y + 12, colours, { size: 22, weight: 650 }));
  y += 36;
  shapes.push(words(what.heading, PAD, y + 6, colours, { size: 14, fill: colours.muted }));
  y += 36;
  heading("Patches");
  y += patches(what, PAD, y, colours, shapes) + 26;
  heading("Next-byte entropy (nats)");
  y += chart(what, PAD, y, colours, shapes) + 26;
  heading("The same text, cut by other rules and by BPE");
  y += rows(what, PAD, y, colours, shapes);
  const height = Math.ceil(y + PAD);
  shapes.unshift({ rect: [0, 0, WIDTH, height], fill: colours.panel });
  return { width: WIDTH, height, title: what.heading, shapes };
}

/**
 * Return the shape of a text at a position; `look` changes its usual size, font and colour.
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {import("./strip.js").Colours} colours
 * @param {import("./scene.js").Shape} look what differs from the usual
 * @returns {import("./scene.js").Shape}
 */
function words(text, x, y, colours, look = {}) {
  return { text, x, y, size: 14, fill: colours.ink, font: colours.sans, ...look };
}

/** @typedef {{text: string, rtl: boolean, x: number, end: number, y: number, height: number}} Run letters in one direction on one line */

/** Return the shapes of the coloured text, at the positions where the browser has laid it out. */
function patches({ view, window: { first, last } }, left, top, colours, shapes) {
  const stage = document.createElement("div");
  stage.className = "layout";
  stage.dir = "auto";
  const { units } = view.measured;
  const from = last > first ? view.measured.unitOf[first] : 0;
  const to = last > first ? view.measured.unitOf[last - 1] + 1 : 0;
  const spans = units.slice(from, to).map((unit) => {
    const span = document.createElement("span");
    span.textContent = unit.shown;
    return span;
  });
  stage.append(...spans);
  stage.style.width = `${INNER}px`;
  stage.style.fontSize = `${SIZE}px`;
  document.body.append(stage);
  const origin = stage.getBoundingClientRect();
  const boxes = spans.map((span) => {
    const box = span.getClientRects()[0] ?? span.getBoundingClientRect();
    return { x: box.left - origin.left + left, y: box.top - origin.top + top, width: box.width, height: box.height };
  });
  stage.remove();
  /** @type {Run|null} */
  let run = null;
  /** @type {Run[]} */
  const runs = [];
  for (const [k, unit] of units.slice(from, to).entries()) {
    const box = boxes[k];
    unitShapes(view, unit, box, colours, shapes);
    const text = unit.shown.replace("\n", "");
    const joins =
      run && run.rtl === unit.rtl && Math.abs(run.y - box.y) < 3 && (unit.rtl ? run.x - (box.x + box.width) : box.x - run.end) < 1;
    if (!run || !joins) {
      run = { text: "", rtl: unit.rtl, x: box.x, end: box.x, y: box.y, height: box.height };
      runs.push(run);
    }
    run.text += text;
    run.x = Math.min(run.x, box.x);
    run.end = Math.max(run.end, box.x + box.width);
  }
  for (const { text, rtl, x, end, y, height } of runs) {
    if (!text.trim()) continue;
    const place = { size: SIZE, rtl, width: end - x };
    shapes.push(words(text, rtl ? end : x, y + height / 2, colours, place));
  }
  return origin.height;
}

/** Add the background of one unit of the text: its colour, the start of its patch, a strip if it is cut. */
function unitShapes(view, { start, length, rtl }, { x, y, width, height }, colours, shapes) {
  const colourOf = (byte) => view.patchOf[byte] % COLOURS;
  shapes.push({ rect: [x, y, width + 0.3, height], fill: colours.fill[colourOf(start)] });
  const part = width / length;
  for (let b = 0; b < length && view.patchOf[start] !== view.patchOf[start + length - 1]; b++) {
    const at = rtl ? x + width - (b + 1) * part : x + b * part;
    shapes.push({ rect: [at, y + height - 5, part, 5], fill: colours.strong[colourOf(start + b)] });
  }
  if (view.starts[start]) shapes.push({ rect: [rtl ? x + width - 2 : x, y, 2, height], fill: colours.strong[colourOf(start)] });
}

function chart({ view, window: { first, last }, top, threshold }, left, y, colours, shapes) {
  const x0 = left + AXIS;
  const cell = (INNER - AXIS) / Math.max(1, last - first);
  const at = (nats) => y + CHART * (1 - Math.min(nats, top) / top);
  const middle = (i) => x0 + (i - first + 0.5) * cell;
  for (let nats = 0; nats <= top; nats++) {
    shapes.push({
      line: [
        [x0, at(nats)],
        [x0 + INNER - AXIS, at(nats)],
      ],
      stroke: colours.grid,
      width: 1,
    });
    shapes.push(words(String(nats), x0 - 10, at(nats), colours, { size: 12, fill: colours.muted, anchor: "end" }));
  }
  for (const { start, end, index, begins } of piecesWithin(view.starts, first, last)) {
    const x = x0 + (start - first) * cell;
    shapes.push({ rect: [x, y, (end - start) * cell, CHART], fill: colours.pale[index % COLOURS] });
    if (begins)
      shapes.push({
        line: [
          [x, y],
          [x, y + CHART],
        ],
        stroke: colours.edge,
        width: 1,
      });
  }
  /** @type {[number, number][]} */
  const points = [];
  for (let i = first; i < last; i++) points.push([middle(i), at(view.entropies[i])]);
  if (points.length) shapes.push({ line: points, stroke: colours.curve, width: 1.6 });
  points.forEach(([x, height], k) => {
    const start = view.starts[first + k];
    if (cell < 4 && !start) return;
    const fill = start ? colours.strong[view.patchOf[first + k] % COLOURS] : colours.panel;
    shapes.push({ dot: [x, height, Math.min(start ? 4 : 2.5, cell / 2)], fill, stroke: colours.curve });
  });
  if (threshold !== null) {
    shapes.push({
      line: [
        [x0, at(threshold)],
        [x0 + INNER - AXIS, at(threshold)],
      ],
      stroke: colours.mark,
      width: 2,
    });
    shapes.push(
      words(threshold.toFixed(2), x0 + INNER - AXIS, at(threshold) - 9, colours, {
        size: 12,
        fill: colours.mark,
        anchor: "end",
        weight: 600,
      }),
    );
  }
  letters(view.measured, first, last, cell, x0, y + CHART + 14, colours, shapes);
  return CHART + 26;
}

function letters(measured, first, last, cell, x0, y, colours, shapes) {
  for (const { text, at } of glyphsWithin(measured, first, last, cell)) {
    shapes.push({ text, x: x0 + at * cell, y, size: letterSize(cell), fill: colours.ink, font: colours.mono, anchor: "middle" });
  }
}

function rows({ view, window: { first, last }, splits }, left, y, colours, shapes) {
  const count = view.measured.bytes.length;
  const cell = (INNER - NAMES - COUNTS) / Math.max(1, last - first);
  const x0 = left + NAMES;
  let at = y;
  for (const { title, starts } of splits) {
    if (!starts) continue;
    const middle = at + STRIP / 2;
    shapes.push(words(title, left, middle, colours));
    for (const { start, end, index, begins } of piecesWithin(starts, first, last)) {
      const x = x0 + (start - first) * cell;
      shapes.push({ rect: [x, at, (end - start) * cell, STRIP], fill: colours.fill[index % COLOURS] });
      if (begins) shapes.push({ rect: [x, at, cell < 4 ? 1 : 2, STRIP], fill: colours.strong[index % COLOURS] });
    }
    letters(view.measured, first, last, cell, x0, middle, colours, shapes);
    const pieces = starts.reduce((sum, start) => sum + start, 0);
    const mean = pieces ? (count / pieces).toFixed(2) : "–";
    shapes.push(words(`${pieces} · ${mean} bytes each`, left + INNER, middle, colours, { size: 13, anchor: "end", fill: colours.muted }));
    at += STRIP + GAP;
  }
  return at - y;
}
