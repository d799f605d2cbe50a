/** Entropy of every byte as bars, and below them where the global model ran. */

import { find, findAll } from "./page.js";
import { node } from "./svg.js";

const HEIGHT = 100;
const FLOOR = 88; // bars end here; below are the marks of the global model
const FEWEST = 64; // bars that the width is made for

export class Bars {
  /** @param {HTMLElement} root holds an svg */
  constructor(root, { onHover, onPick, top }) {
    this.svg = find(root, "svg", SVGSVGElement);
    this.top = top;
    this.count = 0;
    this.room = FEWEST;
    this.cursor = node("rect", { class: "cursor", y: 0, width: 1, height: HEIGHT });
    this.bars = node("g");
    this.svg.replaceChildren(this.cursor, this.bars);
    const under = (event) => {
      const box = this.svg.getBoundingClientRect();
      const i = Math.floor(((event.clientX - box.left) / box.width) * this.room);
      return i >= 0 && i < this.count ? i : -1;
    };
    this.svg.addEventListener("pointermove", (event) => event.pointerType !== "touch" && onHover(under(event)));
    this.svg.addEventListener("pointerleave", () => onHover(-1));
    this.svg.addEventListener("click", (event) => under(event) >= 0 && onPick(under(event)));
  }

  /** Show a view of a text that `size` bytes are expected of. */
  show(view, size) {
    const { events, entropies, patchOf } = view;
    this.count = events.length;
    this.room = Math.max(FEWEST, size, this.count);
    this.svg.setAttribute("viewBox", `0 0 ${this.room} ${HEIGHT}`);
    while (this.bars.children.length > this.count) this.bars.lastChild?.remove();
    for (let i = this.bars.children.length; i < this.count; i++) this.bars.append(node("g"));
    for (const [i, element] of findAll(this.bars, ":scope > g", SVGGElement).entries()) {
      const key = `${entropies[i]} ${patchOf[i]} ${events[i].global_ran}`;
      if (element.dataset.key === key) continue;
      element.dataset.key = key;
      element.replaceChildren(...bar(i, entropies[i], this.top, patchOf[i] % 5, events[i].global_ran));
    }
  }

  mark(i) {
    this.cursor.setAttribute("x", String(Math.max(0, i)));
    this.cursor.toggleAttribute("hidden", i < 0);
    this.cursor.style.display = i < 0 ? "none" : "";
  }
}

function bar(i, nats, top, hue, ran) {
  const height = Number.isFinite(nats) ? Math.max(1.5, (FLOOR * Math.min(nats, top)) / top) : 0;
  const parts = [node("rect", { class: `p${hue}`, x: i + 0.08, width: 0.84, y: FLOOR - height, height })];
  if (ran) parts.push(node("rect", { class: "ran", x: i + 0.08, width: 0.84, y: FLOOR + 4, height: HEIGHT - FLOOR - 4 }));
  return parts;
}
