/** A text as a strip of coloured pieces; all bytes have the same width. */

import { contextOf } from "./page.js";
import { COLOURS } from "./textview.js";

const LETTERS_FROM = 5.6; // pixels a byte needs for its letter to be read
const LARGEST = 15; // pixels, of a letter

/** Return the colours of the page's theme, for canvases and pictures. */
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  const cycle = (suffix) => Array.from({ length: COLOURS }, (_, k) => read(`--p${k}${suffix}`));
  return {
    fill: cycle(""),
    pale: cycle("-band"),
    strong: cycle("-strong"),
    edge: read("--edge"),
    curve: read("--curve"),
    grid: read("--line"),
    ink: read("--ink"),
    muted: read("--muted"),
    panel: read("--panel"),
    sunk: read("--sunk"),
    mark: read("--mark"),
    sans: read("--sans"),
    mono: read("--mono"),
  };
}

/** @typedef {ReturnType<typeof readColours>} Colours */

/** @typedef {{start: number, end: number, index: number, begins: boolean}} Piece bytes from and to, its number, whether its first byte is there */

/** @typedef {{text: string, at: number}} Glyph character on a strip, `at` bytes from the first */

/**
 * Pieces of bytes `first` to `last`, those at the edges cut off.
 * @param {Uint8Array} starts
 * @param {number} first
 * @param {number} last
 */
export function piecesWithin(starts, first, last) {
  let index = -1;
  for (let i = 0; i <= first && i < starts.length; i++) index += starts[i];
  /** @type {Piece[]} */
  const found = [];
  for (let from = first; from < last; index++) {
    let end = from + 1;
    while (end < last && !starts[end]) end++;
    found.push({ start: from, end, index, begins: starts[from] === 1 });
    from = end;
  }
  return found;
}

/**
 * Return the characters to write on a strip; none where bytes are too narrow.
 * @param {import("./text.js").Measured} measured
 * @param {number} first
 * @param {number} last
 * @param {number} cell pixels of a byte
 */
export function glyphsWithin(measured, first, last, cell) {
  if (cell < LETTERS_FROM || first >= last) return [];
  /** @type {Glyph[]} */
  const found = [];
  for (let k = measured.unitOf[first]; k < measured.units.length; k++) {
    const { shown, start, length } = measured.units[k];
    if (start >= last) break;
    const text = shown.trim();
    if (start >= first && start + length <= last && text) found.push({ text, at: start - first + length / 2 });
  }
  return found;
}

export function letterSize(cell) {
  return Math.min(LARGEST, cell * 1.62);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{pieces: Piece[], glyphs: Glyph[], first: number, last: number, cell: number,
 *   height: number, colours: Colours}} what
 */
export function drawStrip(canvas, { pieces, glyphs, first, last, cell, height, colours }) {
  const scale = window.devicePixelRatio || 1;
  const width = Math.max(1, (last - first) * cell);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = contextOf(canvas);
  context.scale(scale, scale);
  for (const { start, end, index, begins } of pieces) {
    const x = (start - first) * cell;
    context.fillStyle = colours.fill[index % COLOURS];
    context.fillRect(x, 0, (end - start) * cell, height);
    if (!begins) continue;
    context.fillStyle = colours.strong[index % COLOURS];
    context.fillRect(x, 0, cell < 4 ? 1 : 2, height);
  }
  context.fillStyle = colours.ink;
  context.font = `${letterSize(cell)}px ${colours.mono}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const { text, at } of glyphs) context.fillText(text, at * cell + (cell < 4 ? 0 : 0.5), height / 2 + 0.5);
}
