/** A text as bytes and as grapheme clusters, with the cluster of each byte. */

const encoder = new TextEncoder();
const segmenter = typeof Intl.Segmenter === "function" ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

const VISIBLE = new Map([
  ["\n", "↵\n"],
  ["\r\n", "␍↵\n"],
  ["\r", "␍"],
  ["\t", "⇥\t"],
  ["\u00a0", "⍽"],
  ["\u200b", "[zwsp]"],
  ["\ufeff", "[bom]"],
]);

const RTL = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** Return a text that UTF-8 can encode: a lone surrogate becomes U+FFFD. */
export function wellFormed(text) {
  return text.toWellFormed ? text.toWellFormed() : new TextDecoder().decode(encoder.encode(text));
}

export function byteLength(text) {
  return encoder.encode(text).length;
}

/**
 * Return the visible form of a unit: control characters get a substitute.
 * @param {string} unit
 */
function shown(unit) {
  const visible = VISIBLE.get(unit);
  if (visible !== undefined) return visible;
  const code = unit.codePointAt(0) ?? 0;
  if (unit.length === 1 && code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "␡";
  return unit;
}

/**
 * @typedef {object} Unit what a reader sees as one: a grapheme cluster
 * @property {string} text
 * @property {string} shown visible form of the text
 * @property {number} start byte
 * @property {number} length bytes
 * @property {boolean} rtl
 * @property {boolean} [broken] a byte that belongs to no character
 */

/** @typedef {{text: string, bytes: Uint8Array, units: Unit[], unitOf: Uint32Array}} Measured */

/**
 * @param {string} text
 * @returns {Measured}
 */
export function measure(text) {
  const bytes = encoder.encode(text);
  const pieces = segmenter ? Array.from(segmenter.segment(text), (s) => s.segment) : Array.from(text);
  const unitOf = new Uint32Array(bytes.length);
  /** @type {Unit[]} */
  const units = [];
  let start = 0;
  for (const piece of pieces) {
    const length = piece.length === 1 && piece < "\x80" ? 1 : encoder.encode(piece).length;
    unitOf.fill(units.length, start, start + length);
    units.push({ text: piece, shown: shown(piece), start, length, rtl: RTL.test(piece) });
    start += length;
  }
  return { text, bytes, units, unitOf };
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Return the number of bytes of the UTF-8 character at byte `i`; 0 if there is no valid one. */
function characterLength(bytes, i) {
  const length = bytes[i] < 0x80 ? 1 : bytes[i] < 0xe0 ? 2 : bytes[i] < 0xf0 ? 3 : 4;
  if (length === 1) return 1;
  try {
    strict.decode(bytes.subarray(i, i + length));
    return i + length <= bytes.length ? length : 0;
  } catch {
    return 0;
  }
}

/** Return the units of any bytes, as `measure` does; a byte of no valid character is a unit with `broken`. */
export function measureBytes(bytes) {
  /** @type {Unit[]} */
  const units = [];
  const unitOf = new Uint32Array(bytes.length);
  const lengthAt = (i) => (i < bytes.length ? characterLength(bytes, i) : 0);
  const add = (unit) => {
    unitOf.fill(units.length, unit.start, unit.start + unit.length);
    units.push(unit);
  };
  for (let at = 0; at < bytes.length; ) {
    let end = at;
    for (let length = lengthAt(at); length; length = lengthAt(end)) end += length;
    for (const unit of measure(strict.decode(bytes.subarray(at, end))).units) add({ ...unit, start: unit.start + at });
    if (end < bytes.length) add({ text: "\ufffd", shown: "\ufffd", start: end, length: 1, rtl: false, broken: true });
    at = end + 1;
  }
  return { text: units.map((unit) => unit.text).join(""), bytes, units, unitOf };
}

/** Return the character (code point) that contains byte `i`. */
export function characterAt(measured, i) {
  const unit = measured.units[measured.unitOf[i]];
  if (unit.broken) return { character: unit.text, start: unit.start, length: 1, codePoint: 0xfffd, unit };
  let start = unit.start;
  for (const character of unit.text) {
    const length = byteLength(character);
    if (i < start + length) {
      return { character, start, length, codePoint: character.codePointAt(0), unit };
    }
    start += length;
  }
  return { character: unit.text, start: unit.start, length: unit.length, codePoint: 0, unit };
}

/** Return the role of byte `i` in UTF-8, in words. */
export function utf8Role(measured, i) {
  const { start, length, unit } = characterAt(measured, i);
  if (unit.broken) return "no UTF-8";
  if (length === 1) return "ASCII, one byte";
  if (i === start) return `lead byte of ${length}`;
  return `continuation ${i - start} of ${length - 1}`;
}

const NAMES = new Map([
  [0x20, "space"],
  [0x0a, "line feed"],
  [0x0d, "carriage return"],
  [0x09, "tab"],
  [0x00, "NUL"],
]);

/** Invisible characters, with the symbol and the name that represent them. */
const FACELESS = new Map([
  [0xfe0f, ["VS16", "emoji selector"]],
  [0xfe0e, ["VS15", "text selector"]],
  [0x200d, ["ZWJ", "zero-width joiner"]],
  [0x200c, ["ZWNJ", "zero-width non-joiner"]],
  [0x200b, ["ZWSP", "zero-width space"]],
  [0x200e, ["LRM", "left-to-right mark"]],
  [0x200f, ["RLM", "right-to-left mark"]],
  [0xfeff, ["BOM", "byte order mark"]],
  [0x00ad, ["SHY", "soft hyphen"]],
  [0x3000, ["IDSP", "ideographic space"]],
]);
const COMBINING = /^\p{M}/u;

/** Describe a character for people: a visible symbol, and a name if the character is invisible. */
export function describeCharacter(character) {
  const code = character.codePointAt(0);
  const point = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  const faceless = FACELESS.get(code);
  if (faceless) return { glyph: faceless[0], name: faceless[1], point, words: true };
  const name = NAMES.get(code) ?? null;
  const face = name ? shown(character).trim() || "␣" : shown(character);
  return { glyph: COMBINING.test(character) ? `◌${face}` : face, name, point, words: false };
}

export function hex(byte) {
  return `0x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
