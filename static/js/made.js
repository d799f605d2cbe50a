/** A text that is made byte by byte: what its events say, as the views need it. */

import { measureBytes } from "./text.js";

const OFFSET = 4; // ids in front of the bytes
const decoder = new TextDecoder();

export class Made {
  /** @type {Record<string, any>|null} what was asked for */
  request = null;
  /** Name of the model that made it. */
  model = "";
  /** @type {number|null} bytes per second of such a text without drafts */
  plainRate = null;
  recorded = false;
  constructor(prompt = "") {
    this.prompt = prompt;
    this.events = [];
    this.done = null; // what the server says at the end
    this.open = false; // whether more may come
    this.plainRate = null; // bytes per second without drafts, to compare with
  }

  push(event) {
    this.events.push(event);
  }

  get seconds() {
    return this.events.at(-1)?.seconds ?? 0;
  }

  /** What there is after the first `count` events; a byte is counted from 0 among the bytes. */
  upTo(count) {
    const events = this.events.slice(0, count);
    const own = events.filter(({ byte }) => byte !== null);
    const patchLengths = [];
    const starts = new Uint8Array(own.length);
    const patchOf = new Uint32Array(own.length);
    own.forEach((event, i) => {
      starts[i] = event.starts_patch ? 1 : 0;
      if (event.starts_patch || !i) patchLengths.push(0);
      patchLengths[patchLengths.length - 1]++;
      patchOf[i] = patchLengths.length - 1;
    });
    return {
      events: own,
      last: events.at(-1) ?? null,
      measured: measureBytes(Uint8Array.from(own, ({ byte }) => byte)),
      starts,
      patchOf,
      patchLengths,
      entropies: own.map(({ entropy }) => entropy ?? NaN),
      nats: own.map(({ probability }) => -Math.log(probability)),
      ...counts(events),
    };
  }

  /** The round of speculation that event `i` lies in: its first event, or null. */
  roundOf(i) {
    for (let k = Math.min(i, this.events.length - 1); k >= 0; k--) {
      const { drafted, accepted } = this.events[k];
      if (drafted) return k + accepted >= i ? { first: k, ...this.events[k] } : null;
    }
    return null;
  }

  /** All rounds that begin before event `count`. */
  rounds(count) {
    const found = [];
    for (const [first, event] of this.events.slice(0, count).entries()) {
      if (event.drafted) found.push({ first, ...event });
    }
    return found;
  }
}

/** Bytes per second from the first to the last of them, or null. */
export function rateOf(events) {
  const took = events.length > 1 ? events.at(-1).seconds - events[0].seconds : 0;
  return took > 0 ? (events.length - 1) / took : null;
}

function counts(events) {
  const last = events.at(-1);
  return {
    patches: events.filter((event) => event.starts_patch).length,
    passes: events.filter((event) => event.global_ran).length,
    rate: rateOf(events),
    flops: last?.flops_per_byte ?? null,
    plain: last?.flops_per_byte_plain ?? null,
  };
}

/** Drafted ids in print; one that is no byte ends the document. */
export function draftText(ids) {
  const bytes = Uint8Array.from(
    ids.filter((id) => id >= OFFSET),
    (id) => id - OFFSET,
  );
  const text = decoder.decode(bytes).replaceAll("\n", "↵").replaceAll("\t", "⇥").replaceAll("\r", "␍");
  return text + (ids.some((id) => id < OFFSET) ? "‹end›" : "");
}
