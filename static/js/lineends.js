/** Line ends of the text in a field: a field shows CR LF and CR as LF, so they are kept beside it. */

import { replaceText } from "./field.js";

const ENDS = /\r\n|\r|\n/g;
const REMEMBERED = 16; // texts
const NAMES = new Map([
  ["\r\n", "CR LF"],
  ["\r", "CR"],
]);

export class LineEnds {
  /** @param {HTMLTextAreaElement} field */
  constructor(field) {
    this.field = field;
    /** The text of the field that `ends` belongs to. */
    this.known = field.value;
    /** The line ends of that text, in order. @type {string[]} */
    this.ends = this.known.match(ENDS) ?? [];
    /** The line end of lines that are typed. */
    this.usual = "\n";
    /** Line ends of texts that undoing may bring back, by what the field shows. @type {Map<string, {ends: string[], usual: string}>} */
    this.earlier = new Map();
  }

  /** Put a text with any line ends into the field, as one step that can be undone. */
  open(text) {
    this.follow();
    this.remember();
    replaceText(this.field, text);
    this.known = this.field.value;
    this.ends = text.match(ENDS) ?? [];
    const count = (end) => this.ends.filter((one) => one === end).length;
    this.usual = ["\n", "\r\n", "\r"].reduce((most, end) => (count(end) > count(most) ? end : most));
    this.remember();
  }

  remember() {
    this.earlier.delete(this.known);
    this.earlier.set(this.known, { ends: [...this.ends], usual: this.usual });
    if (this.earlier.size > REMEMBERED) this.earlier.delete([...this.earlier.keys()][0]);
  }

  /** The text of the field with its own line ends; those of lines that were typed are the usual ones. */
  get text() {
    this.follow();
    let at = 0;
    return this.known.replace(/\n/g, () => this.ends[at++] ?? "\n");
  }

  /** What is kept, in words; empty if all line ends are LF. */
  get words() {
    this.follow();
    const kept = [...NAMES].filter(([end]) => this.ends.includes(end)).map(([, name]) => name);
    return kept.length ? `line ends ${kept.join(" and ")} kept` : "";
  }

  /** Take over what was typed: line ends before and after it stay. */
  follow() {
    const [old, now] = [this.known, this.field.value];
    if (old === now) return;
    const earlier = this.earlier.get(now);
    if (earlier) {
      this.ends = [...earlier.ends];
      this.usual = earlier.usual;
      this.known = now;
      return;
    }
    const shorter = Math.min(old.length, now.length);
    let before = 0;
    while (before < shorter && old[before] === now[before]) before++;
    let after = 0;
    while (after < shorter - before && old.at(-1 - after) === now.at(-1 - after)) after++;
    const lines = (text) => text.split("\n").length - 1;
    const first = lines(old.slice(0, before));
    const last = lines(old.slice(old.length - after));
    if (!now) this.usual = "\n"; // a text of one's own begins
    const typed = lines(now.slice(before, now.length - after));
    this.ends.splice(first, this.ends.length - first - last, ...Array(typed).fill(this.usual));
    this.known = now;
  }
}
