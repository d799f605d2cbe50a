/** The current view as a file (picture, table or JSON), made in the browser without the server. */

import { download, fileName, quoted } from "./download.js";
import { picture } from "./picture.js";
import { toCanvas, toSvg } from "./scene.js";
import { characterAt, hex } from "./text.js";

const BITS = 1 / Math.LN2;
const decoder = new TextDecoder();

/**
 * @typedef {import("./picture.js").Pictured & {name: string, model: string|null, rule: object & {mode: string}}} Saved
 */

/**
 * @param {string} kind "png", "svg", "csv" or "json"
 * @param {Saved} what
 */
export async function save(kind, what) {
  const name = `blt-${fileName(what.name)}-${what.rule.mode}.${kind}`;
  download(await CONTENTS[kind](what), name);
  return name;
}

/** @type {Record<string, (what: Saved) => Blob|Promise<Blob>>} */
const CONTENTS = {
  png: (what) =>
    new Promise((resolve, reject) => {
      const done = (blob) => (blob ? resolve(blob) : reject(new Error("The picture is too large for this browser.")));
      toCanvas(picture(what)).toBlob(done, "image/png");
    }),
  svg: (what) => new Blob([toSvg(picture(what))], { type: "image/svg+xml" }),
  csv: (what) => new Blob([table(what)], { type: "text/csv" }),
  json: (what) => new Blob([`${JSON.stringify(everything(what), null, 1)}\n`], { type: "application/json" }),
};

/**
 * Return a CSV table with one line per byte.
 * @param {Saved} what
 */
export function table({ view }) {
  const { measured, entropies, nats, starts, patchOf } = view;
  const lines = ["byte,value,hex,character,patch,starts_patch,entropy_nats,surprisal_bits,probability"];
  for (let i = 0; i < measured.bytes.length; i++) {
    const { character, start } = characterAt(measured, i);
    const byte = measured.bytes[i];
    lines.push(
      [
        i,
        byte,
        hex(byte),
        i === start ? quoted(character) : "",
        patchOf[i],
        starts[i],
        entropies[i],
        (nats[i] * BITS).toFixed(6),
        Math.exp(-nats[i]).toPrecision(6),
      ].join(","),
    );
  }
  return `${lines.join("\r\n")}\r\n`;
}

/**
 * Return the view with all its numbers for JSON; pieces are `[start, length]` in bytes.
 * @param {Saved} what
 */
export function everything({ view, model, rule, splits }) {
  const { measured, entropies, nats, starts, bits } = view;
  return {
    model,
    text: measured.text,
    bytes: measured.bytes.length,
    bits_per_byte: bits,
    rule,
    patches: pieces(starts).map(([start, length]) => ({
      start,
      length,
      text: decoder.decode(measured.bytes.subarray(start, start + length)),
      entropy: entropies[start],
    })),
    entropies: Array.from(entropies),
    nats: Array.from(nats),
    splits: splits
      .filter((split) => split.starts)
      .map((split) => {
        const all = pieces(split.starts);
        return { splitter: split.splitter, count: all.length, pieces: all };
      }),
  };
}

/**
 * Return the pieces as `[start, length]` in bytes, from the starts of the pieces.
 * @param {Uint8Array|null} starts
 */
function pieces(starts) {
  /** @type {[number, number][]} */
  const found = [];
  if (!starts) return found;
  for (let i = 0; i < starts.length; i++) {
    if (starts[i]) found.push([i, 0]);
    found[found.length - 1][1]++;
  }
  return found;
}
