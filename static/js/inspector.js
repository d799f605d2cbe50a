/** The details of one byte: value, role in UTF-8, probability, entropy and the likeliest predictions. */

import { findAll } from "./page.js";
import { characterAt, describeCharacter, hex, utf8Role } from "./text.js";

const BITS = 1 / Math.LN2;

/** Return one line about byte `i`, for labels and screen readers. */
export function summary(view, i) {
  const { measured, patchOf, entropies, nats } = view;
  const { glyph, name } = describeCharacter(characterAt(measured, i).character);
  const parts = [`byte ${i + 1}`, name ?? glyph, hex(measured.bytes[i]), `patch ${patchOf[i] + 1}`];
  parts.push(`entropy ${entropies[i].toFixed(2)} nats`);
  parts.push(`probability ${percent(Math.exp(-nats[i]))}`);
  return parts.join(", ");
}

export function percent(p) {
  if (p >= 0.0995) return `${(100 * p).toFixed(0)} %`;
  if (p >= 0.00995) return `${(100 * p).toFixed(1)} %`;
  return p >= 0.0001 ? `${(100 * p).toFixed(2)} %` : "< 0.01 %";
}

export class Inspector {
  constructor(root) {
    this.root = root;
    this.fields = new Map(findAll(root, "[data-field]").map((element) => [element.dataset.field, element]));
    this.list = root.querySelector(".predictions"); // none where a text is made
  }

  set(field, text) {
    const element = this.fields.get(field);
    if (element && element.textContent !== text) element.textContent = text;
  }

  /** Show the details of byte `i` of a view, or a hint if `i` is below 0. */
  show(view, i) {
    this.root.classList.toggle("idle", i < 0);
    if (i < 0) return;
    const { measured, patchOf, starts, patchLengths, entropies, nats } = view;
    const byte = measured.bytes[i];
    const character = characterAt(measured, i);
    const { glyph, name, point, words } = describeCharacter(character.character);
    const whole = character.unit.text === character.character ? "" : `, part of ${character.unit.shown}`;
    this.set("glyph", glyph);
    this.fields.get("glyph")?.classList.toggle("words", words);
    this.set("place", `Byte ${i + 1} of ${measured.bytes.length}`);
    this.set("value", `${hex(byte)} · ${byte}`);
    this.set("role", utf8Role(measured, i));
    this.set("character", `${name ?? glyph} ${point}${whole}`);
    this.set("probability", percent(Math.exp(-nats[i])));
    this.set("surprisal", `${(nats[i] * BITS).toFixed(2)} bits`);
    this.set("entropy", `${entropies[i].toFixed(2)} nats`);
    const patch = patchOf[i];
    const begins = starts[i] ? ", starts here" : "";
    this.set("patch", `${patch + 1}: ${bytesInWords(patchLengths[patch])}${begins}`);
    this.predictions(view.predictions?.[i], byte);
  }

  predictions(expected, byte) {
    this.root.classList.toggle("unpredicted", !expected);
    const rows = expected ?? [];
    while (this.list.children.length > rows.length) this.list.lastChild.remove();
    while (this.list.children.length < rows.length) this.list.append(emptyRow());
    rows.forEach(({ byte: value, text, p }, k) => {
      const row = this.list.children[k];
      row.classList.toggle("hit", value === byte);
      const [token, bar, share] = row.children;
      token.textContent = text;
      token.title = value === null ? text : hex(value);
      bar.firstChild.style.width = `${Math.max(0.5, 100 * p)}%`;
      share.textContent = percent(p) + (value === byte ? " ✓" : "");
    });
  }
}

export function bytesInWords(count) {
  return count === 1 ? "1 byte" : `${count} bytes`;
}

function emptyRow() {
  const row = document.createElement("li");
  const [token, bar, share] = ["code", "span", "span"].map((tag) => document.createElement(tag));
  bar.className = "bar";
  bar.append(document.createElement("i"));
  share.className = "share";
  row.append(token, bar, share);
  return row;
}
