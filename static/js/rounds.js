/** The list of the latest rounds of speculation: drafted and accepted bytes of each. */

import { draftText } from "./made.js";
import { mark } from "./madetext.js";

const LAST = 5;

export class Rounds {
  constructor(panel) {
    this.panel = panel;
    this.list = panel.querySelector("ol");
    this.words = panel.querySelector(".words");
  }

  show(rounds) {
    this.panel.hidden = !rounds.length;
    if (!rounds.length) return;
    const drafted = rounds.reduce((sum, round) => sum + round.drafted, 0);
    const accepted = rounds.reduce((sum, round) => sum + round.accepted, 0);
    const share = Math.round((100 * accepted) / drafted);
    this.words.textContent = `${accepted} of ${drafted} drafted bytes stayed (${share} %), in ${rounds.length} rounds.`;
    const last = rounds.slice(-LAST).reverse();
    const key = last.map((round) => round.first).join();
    if (key === this.key) return;
    this.key = key;
    this.list.replaceChildren(...last.map((round) => row(round)));
  }
}

function row({ token, draft, drafted, accepted, global_ran: ran }) {
  const line = document.createElement("li");
  const text = document.createElement("code");
  text.append(mark("own", draftText([token])));
  if (accepted) text.append(mark("kept", draftText(draft.slice(0, accepted))));
  if (accepted < drafted) text.append(mark("refused", draftText(draft.slice(accepted))));
  const words = document.createElement("span");
  words.className = "muted small";
  words.textContent = `${accepted} of ${drafted} stayed${ran ? ", global model ran" : ""}`;
  line.append(text, words);
  return line;
}
