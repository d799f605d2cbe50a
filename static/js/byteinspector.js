/** What is known of one byte that was made: as of one that was typed, and how it came about. */

import { Inspector, summary as known } from "./inspector.js";

/** One line about byte `i`, for labels and screen readers. */
export function summary(view, i) {
  const line = known(view, i).replace(", entropy NaN nats", "");
  return view.events[i].starts_patch ? `${line}, starts a patch` : line;
}

export class MadeInspector extends Inspector {
  /** Show byte `i` of a view; `origin` says how it came about, in words. */
  showMade(view, i, origin) {
    this.show(view, i);
    if (i < 0) return;
    const { entropy, global_ran: ran } = view.events[i];
    if (entropy === null) this.set("entropy", "not needed by the rule");
    this.set("global", ran ? "ran before this byte" : "rested");
    this.set("origin", origin);
  }

  predictions() {
    /* Only the byte that came is known. */
  }
}
