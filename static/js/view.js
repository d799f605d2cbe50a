/** The view of the playground: a measured text, cut into patches by a rule. */

import { patchStarts } from "./rules.js";
import { measure } from "./text.js";

const BIN = 0.05; // nats
const BINS = 112;

/**
 * @typedef {object} View
 * @property {import("./text.js").Measured} measured the text
 * @property {number[]} tokens
 * @property {Float64Array|null} all entropies of all positions, one more than bytes; null before any text was measured
 * @property {Float64Array} entropies nats, one per byte
 * @property {number[]} nats surprisal of each byte in nats
 * @property {{byte: number|null, text: string, p: number}[][]|null} predictions
 * @property {number|null} bits per byte
 * @property {boolean} partial whether it is the beginning of a text of which more is being measured
 * @property {Uint8Array} starts 1 for bytes that start a patch
 * @property {Uint32Array} patchOf
 * @property {number[]} patchLengths
 */

/** @returns {View} */
export function emptyView() {
  return {
    measured: measure(""),
    tokens: [1],
    all: null,
    entropies: new Float64Array(0),
    nats: [],
    predictions: null,
    bits: null,
    partial: false,
    starts: new Uint8Array(0),
    patchOf: new Uint32Array(0),
    patchLengths: [],
  };
}

/**
 * Fill a view with a response of `POST /api/patches` to `text`.
 * @param {View} view
 * @param {string} text
 * @param {Record<string, any>} answer
 */
export function fill(view, text, answer) {
  view.measured = measure(text);
  view.tokens = answer.tokens;
  const all = Float64Array.from(answer.entropies);
  view.all = all;
  view.entropies = all.subarray(0, answer.bytes);
  view.nats = answer.nats;
  view.predictions = answer.predictions ?? null;
  view.bits = answer.bits_per_byte;
  view.partial = false;
}

/**
 * Return which bytes start a patch by one of the rules in rules.js: one value per byte.
 * @param {View} view
 * @param {import("./rules.js").Options & {mode: string}} options
 */
export function startsBy(view, { mode, ...options }) {
  const count = view.measured.bytes.length;
  return patchStarts(mode, view.tokens, view.all ?? new Float64Array(1), options).subarray(1, count + 1);
}

/** Return which of `count` bytes start a piece, from the lengths of the pieces. */
export function startsOf(lengths, count) {
  const starts = new Uint8Array(count);
  let at = 0;
  for (const length of lengths) {
    starts[at] = 1;
    at += length;
  }
  return starts;
}

/**
 * Cut the text of a view into patches: set the patch of each byte and the patch lengths.
 * @param {View} view
 */
export function cutBy(view, options) {
  const starts = startsBy(view, options);
  const patchOf = new Uint32Array(starts.length);
  /** @type {number[]} */
  const patchLengths = [];
  for (let i = 0; i < starts.length; i++) {
    if (starts[i]) patchLengths.push(0);
    patchLengths[patchLengths.length - 1]++;
    patchOf[i] = patchLengths.length - 1;
  }
  Object.assign(view, { starts, patchOf, patchLengths });
}

/**
 * Return the byte with the highest surprisal, or -1 without bytes.
 * @param {View} view
 */
export function mostSurprising({ nats }) {
  let best = nats.length ? 0 : -1;
  for (let i = 1; i < nats.length; i++) if (nats[i] > nats[best]) best = i;
  return best;
}

/**
 * Return the bytes per patch of the text at thresholds from 0 in steps of BIN, for the entropy rule
 * or (`rising`) the monotonic one.
 * @param {View} view
 * @param {boolean} rising
 * @returns {{nats: number, size: number}[]}
 */
export function ownCurve(view, rising) {
  const { entropies } = view;
  const count = entropies.length;
  if (!count) return [];
  const bins = new Uint32Array(BINS + 1);
  for (let i = 1; i < count; i++) {
    const nats = rising ? entropies[i] - entropies[i - 1] : entropies[i];
    // Counted where it is the last step below: a patch starts while the threshold is less.
    if (nats > 0) bins[Math.min(BINS, Math.ceil(nats / BIN) - 1)]++;
  }
  /** @type {{nats: number, size: number}[]} */
  const points = [];
  let above = 0;
  for (let k = BINS; k >= 0; k--) {
    above += bins[k];
    if (k < BINS) points.push({ nats: k * BIN, size: count / (1 + above) });
  }
  return points.reverse();
}
