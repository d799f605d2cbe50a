/** A long text, measured by `POST /api/patches` in parts that can be shown before the last one comes. */

import { UNREACHABLE } from "./source.js";
import { ask } from "./sse.js";

const LISTS = ["tokens", "entropies", "nats", "predictions"];

/** @typedef {{tokens: number[], entropies: number[], nats: number[], predictions?: any[]}} Lists */

/**
 * Measure a text and return its response, as that of `POST /api/patches` in JSON, without `patches`.
 *
 * `onGrown` gets the lists of the beginning that has been measured, each time that it is twice as
 * long as the time before; so all drawing together costs no more than twice the last one.
 *
 * @param {string} url
 * @param {{text: string, top_k?: number}} body
 * @param {AbortSignal} signal
 * @param {(lists: Lists) => void} onGrown
 */
export async function measureInParts(url, body, signal, onGrown) {
  /** @type {Lists} */
  const lists = { tokens: [], entropies: [], nats: [] };
  let shown = 0;
  for await (const { event, data } of ask(url, body, signal, UNREACHABLE)) {
    if (event === "problem") throw new Error(data.detail);
    if (event === "done") return { ...lists, ...data };
    for (const name of LISTS) {
      if (!data[name]) continue;
      lists[name] ??= [];
      for (const value of data[name]) lists[name].push(value);
    }
    if (lists.tokens.length >= 2 * shown) {
      shown = lists.tokens.length;
      onGrown(lists);
    }
  }
  throw new Error("The connection was lost. Typing tries again.");
}

/**
 * Return the response to the beginning of a text whose tokens have been measured, and that beginning.
 *
 * It ends before the first character of which a byte is missing.
 *
 * @param {Uint8Array} data bytes of the whole text
 * @param {Lists} lists
 */
export function beginning(data, lists) {
  let bytes = Math.min(lists.tokens.length - 1, data.length);
  while (bytes > 0 && bytes < data.length && (data[bytes] & 0xc0) === 0x80) bytes--;
  const nats = lists.nats.slice(0, bytes);
  const sum = nats.reduce((all, one) => all + one, 0);
  const answer = {
    bytes,
    tokens: lists.tokens.slice(0, bytes + 1),
    entropies: lists.entropies.slice(0, bytes + 1),
    nats,
    predictions: lists.predictions?.slice(0, bytes + 1),
    bits_per_byte: bytes ? sum / bytes / Math.LN2 : null,
  };
  return { text: new TextDecoder().decode(data.subarray(0, bytes)), answer };
}

/** Return whether two texts have the same first `count` bytes. */
export function beginsAlike(one, other, count) {
  if (one.length < count || other.length < count) return false;
  for (let i = 0; i < count; i++) if (one[i] !== other[i]) return false;
  return true;
}
