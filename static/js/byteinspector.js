/** What is known of one byte that was made: as of one that was typed, and how it came about. */

import { Inspector, bytesInWords, summary as known } from "./inspector.js";

/** Number of the patch of byte `i` among those that the counter counts; 0 if it began in the prompt. */
function patchNumber(view, i) {
  return view.patchOf[i] + (view.starts[0] ? 1 : 0);
}

/** One line about byte `i`, for labels and screen readers. */
export function summary(view, i) {
  const number = patchNumber(view, i);
  const line = known(view, i)
    .replace(`patch ${view.patchOf[i] + 1}`, number ? `patch ${number}` : "patch of the prompt")
    .replace(", entropy NaN nats", "");
  return view.starts[i] ? `${line}, starts a patch` : line;
}

export class MadeInspector extends Inspector {
  /** Show byte `i` of a view; `origin` says how it came about, in words. */
  showMade(view, i, origin) {
    this.show(view, i);
    if (i < 0) return;
    const { entropy, global_ran: ran } = view.events[i];
    const number = patchNumber(view, i);
    const size = bytesInWords(view.patchLengths[view.patchOf[i]]);
    const begins = view.starts[i] ? ", starts here" : "";
    this.set("patch", number ? `${number}: ${size}${begins}` : `begun in the prompt, ${size} here`);
    if (entropy === null) this.set("entropy", "not needed by the rule");
    this.set("global", ran ? "ran before this byte" : "rested");
    this.set("origin", origin);
  }

  predictions() {
    /* Only the byte that came is known. */
  }
}
