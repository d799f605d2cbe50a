/** The list of training runs: which runs are shown, and the progress of each. */

import { element } from "./curves.js";
import { find } from "./page.js";
import { short, sizeInWords, timeInWords } from "./scales.js";

const TINTS = 8;
const ACTIVE = 600; // seconds since the last line, up to which a run is taken to be going on

const tints = new Map();

/** Return the colour of a run, which is the same as long as the page is open. */
export function tintOf(name) {
  if (!tints.has(name)) tints.set(name, tints.size % TINTS);
  return tints.get(name);
}

export class Chooser {
  /**
   * @param {HTMLElement} list
   * @param {{onChoose: (names: string[]) => void, since: (moment: string) => number}} options `since` gives seconds
   */
  constructor(list, { onChoose, since }) {
    this.list = list;
    this.since = since;
    /** @type {Map<string, HTMLElement>} by name of the run */
    this.rows = new Map();
    list.addEventListener("change", () => {
      const boxes = [...list.querySelectorAll("input")];
      onChoose(boxes.filter((box) => box.checked).map((box) => box.value));
    });
  }

  /** Show all runs; rows keep their elements, so that the focus stays where it is. */
  show(items, chosen, curvesOf) {
    if (!this.rows.size) this.list.replaceChildren(); // what was there for who has no scripts
    for (const [name, row] of this.rows) {
      if (items.some((item) => item.name === name)) continue;
      row.remove();
      this.rows.delete(name);
    }
    items.forEach((item, place) => {
      const row = this.rows.get(item.name) ?? this.row(item);
      if (this.list.children[place] !== row) this.list.insertBefore(row, this.list.children[place]);
      find(row, "input", HTMLInputElement).checked = chosen.includes(item.name);
      const meta = find(row, ".meta");
      const words = this.words(item, curvesOf(item.name)).join(" · ");
      if (meta.textContent !== words) meta.textContent = words;
    });
  }

  row(item) {
    const row = element("li", "run");
    const label = element("label", "");
    const box = element("input", "");
    box.type = "checkbox";
    box.value = item.name;
    box.autocomplete = "off";
    const title = element("span", "title", item.title);
    title.append(element("span", "muted", item.source === "shipped" ? " shipped" : ""));
    label.append(box, element("i", `swatch tint-${tintOf(item.name)}`), title);
    row.append(label, element("p", "meta muted small"));
    this.rows.set(item.name, row);
    return row;
  }

  words(item, run) {
    const count = (n) => n.toLocaleString("en");
    const found = [];
    const { values, step, planned_steps: planned } = item;
    if (step === null) found.push("nothing measured yet");
    else if (planned) found.push(`${count(step)} of ${count(planned)} steps`);
    else found.push(`${count(step)} steps`);
    if (values.bytes) found.push(sizeInWords(values.bytes));
    if (values.valid_bits_per_byte) {
      found.push(`held out ${short(values.valid_bits_per_byte)} bits per byte`);
    }
    for (const name of item.not_finite) found.push(`${name.replaceAll("_", " ")} is NaN or infinite`);
    if (item.source === "local") {
      const since = this.since(item.modified);
      found.push(`written ${timeInWords(since)} ago`);
      const left = ((planned - step) / step) * (values.bytes / values.bytes_per_second);
      if (planned > step && since < ACTIVE && left > 0 && Number.isFinite(left)) {
        found.push(`about ${timeInWords(left)} left`);
      }
    }
    if (run?.restarts) found.push(`taken up again ${run.restarts === 1 ? "once" : `${run.restarts} times`}`);
    if (run?.skipped) found.push(`${run.skipped} ${run.skipped === 1 ? "line is" : "lines are"} no record`);
    if (item.problem) found.push(item.problem);
    return found;
  }
}
