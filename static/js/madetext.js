/** The text while it is generated: bytes tinted by entropy, patches underlined, drafts after the text. */

import { TextView } from "./textview.js";
import { draftText } from "./made.js";

const LEVELS = 9;
const TOP = 4; // nats, from which on the tint stays the same

/** Return the tint of an entropy in nats: a number from 0 to 9. */
export function level(nats) {
  return Number.isFinite(nats) ? Math.min(LEVELS, Math.round((nats / TOP) * LEVELS)) : 0;
}

export class MadeText extends TextView {
  constructor(root, ghosts, handlers) {
    super(root, handlers);
    this.ghosts = ghosts;
    this.entropies = [];
  }

  showMade(view) {
    this.entropies = view.entropies;
    this.show(view.measured, view.starts, view.patchOf);
  }

  more(unit) {
    const own = this.entropies.slice(unit.start, unit.start + unit.length);
    return ` e${level(Math.max(...own.map((nats) => (Number.isFinite(nats) ? nats : 0))))}`;
  }

  /** Show drafted ids after the text: the `pending`, the `kept` and the `refused` ones. */
  showGhosts(parts) {
    const spans = Object.entries(parts).map(([state, ids]) => [state, draftText(ids)]);
    const key = JSON.stringify(spans);
    if (key === this.ghostKey) return;
    this.ghostKey = key;
    this.ghosts.replaceChildren(...spans.filter(([, text]) => text).map(([state, text]) => mark(state, text)));
  }
}

/** Return the element of a part of a draft; a refused part is struck out, also for screen readers. */
export function mark(state, text) {
  const element = document.createElement(state === "refused" ? "s" : "span");
  element.className = `draft ${state}`;
  element.textContent = text;
  return element;
}
