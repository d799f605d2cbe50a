/** Held-out bits per byte of one run, by source of text: the chosen sources have strong lines, all others faint ones. */

import { CurveChart, element } from "./curves.js";
import { around, find } from "./page.js";
import { NOT_FINITE } from "./scales.js";

const STRONG = 8; // lines that are told apart by colour

export class BySource {
  /**
   * @param {HTMLElement} root element that contains `#source-run`, `#source-chart` and `#source-rows`
   * @param {import("./curves.js").Handlers} handlers
   */
  constructor(root, handlers) {
    this.root = root;
    this.select = find(root, "#source-run", HTMLSelectElement);
    this.body = find(root, "#source-rows");
    this.head = find(root, "#source-head");
    const place = find(root, "#source-chart");
    const label = "Held-out bits per byte by source";
    this.chart = new CurveChart(place, { label, height: 320, ...handlers });
    /** @type {Map<string, number>} tint by source, in the order of choosing; empty before anything is drawn */
    this.strong = new Map();
    this.drawn = false;
    /** Name of the chosen run. */
    this.chosen = "";
    this.select.addEventListener("change", () => {
      this.chosen = this.select.value;
      this.draw();
    });
    this.body.addEventListener("click", (event) => {
      const name = around(event, "button")?.dataset.source;
      if (name !== undefined) this.toggle(name);
    });
  }

  mark(x, speaker) {
    this.chart.mark(x, this.chart === speaker);
  }

  /** Show the held-out measurements of one run by source; `runs` are all runs. */
  show(runs, view) {
    this.runs = runs.filter((run) => Object.keys(run.sources).length);
    this.view = view;
    this.root.hidden = !this.runs.length;
    if (!this.runs.length) return;
    const names = this.runs.map(({ name }) => name);
    if (names.join() !== [...this.select.options].map(({ value }) => value).join()) {
      this.select.replaceChildren(...this.runs.map(({ name, title }) => new Option(title, name)));
    }
    if (!names.includes(this.chosen)) this.chosen = names[0];
    this.select.value = this.chosen;
    this.draw();
  }

  draw() {
    const run = this.runs.find(({ name }) => name === this.chosen);
    const last = ([, curve]) => curve.mean.findLast((value) => value !== null) ?? -Infinity;
    const sources = Object.entries(run.sources).sort((a, b) => last(b) - last(a));
    if (!this.drawn) this.strong.set(sources[0][0], 0);
    this.drawn = true;
    const lines = sources
      .filter(([, curve]) => curve[this.view.axis])
      .map(([name, curve]) => ({
        key: name,
        name,
        xs: curve[this.view.axis],
        ys: curve.mean,
        lost: NOT_FINITE,
        tint: this.strong.get(name) ?? "none",
        faint: !this.strong.has(name),
        dots: this.strong.has(name),
      }));
    lines.sort((a, b) => Number(b.faint) - Number(a.faint));
    this.chart.show({ ...this.view, lines });
    this.rows(sources);
  }

  rows(sources) {
    // A shipped model has figures of its own; any other run is held beside all shipped ones.
    const own = this.runs.filter(({ name, expected }) => expected && name === this.chosen);
    const shown = own.length ? own : this.runs.filter(({ expected }) => expected);
    const expected = shown.map((run) => ({
      title: own.length ? "test split" : `${run.title}, test split`,
      by: new Map(run.expected.sources.map((row) => [row.name, row.bits_per_byte])),
    }));
    const columns = ["source", "first", "last", ...expected.map(({ title }) => title)];
    this.head.replaceChildren(
      ...columns.map((words) => {
        const cell = element("th", "", words);
        cell.scope = "col";
        return cell;
      }),
    );
    while (this.body.children.length > sources.length) this.body.lastChild?.remove();
    sources.forEach(([name, curve], place) => {
      const row = this.body.children[place] ?? this.body.appendChild(element("tr", ""));
      const values = [curve.mean[0], curve.mean.at(-1), ...expected.map(({ by }) => by.get(name))];
      this.fill(row, name, values);
    });
  }

  fill(row, name, values) {
    let button = row.querySelector("button");
    if (!button) {
      const first = element("th", "");
      first.scope = "row";
      button = element("button", "source");
      button.type = "button";
      first.append(button);
      row.append(first);
    }
    const tint = this.strong.get(name);
    button.dataset.source = name;
    button.replaceChildren(element("i", `swatch tint-${tint ?? "none"}`), name);
    button.setAttribute("aria-pressed", String(tint !== undefined));
    const cells = values.map((value) => element("td", "", value === null ? NOT_FINITE : (value?.toFixed(3) ?? "–")));
    row.replaceChildren(row.firstChild, ...cells);
  }

  /** @param {string} name of a source */
  toggle(name) {
    if (this.strong.delete(name)) return this.draw();
    const used = new Set(this.strong.values());
    const free = [...Array(STRONG).keys()].find((k) => !used.has(k));
    const [[oldest, itsTint]] = this.strong.size ? this.strong : [["", 0]];
    if (free === undefined) this.strong.delete(oldest);
    this.strong.set(name, free ?? itsTint);
    this.draw();
  }
}
