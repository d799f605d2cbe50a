/** The charts of the measures of training runs, over the same part of the run, each with a table. */

import { CurveChart, element } from "./curves.js";
import { NOT_FINITE, nearest, short, smooth } from "./scales.js";

/** Title and drawing options of each measure in `metrics.jsonl`, in the order of the charts. */
/** @type {Record<string, {title: string, large?: boolean, held?: string, exact?: boolean}>} */
const MEASURES = {
  bits_per_byte: { title: "Bits per byte", large: true, held: "valid_bits_per_byte" },
  gradient_norm: { title: "Gradient norm" },
  lr: { title: "Learning rate", exact: true },
  bytes_per_second: { title: "Bytes per second" },
  bytes_per_patch: { title: "Bytes per patch" },
  loss: { title: "Loss (nats per prediction)" },
  flops_per_second: { title: "FLOPs per second" },
  memory_bytes: { title: "Memory held (bytes)", exact: true },
};
const HIDDEN = new Set(["bytes", "valid_bits_per_byte"]);
const MANY = 24; // rows of a table

/** @typedef {{axis: string, smooth: number} & Omit<import("./curves.js").Data, "lines">} View */

/**
 * @typedef {object} Panel
 * @property {HTMLElement} root
 * @property {string} title
 * @property {CurveChart} chart
 * @property {import("./curves.js").Line[]} lines
 * @property {View|null} view the last that was shown
 * @property {HTMLDetailsElement} details
 * @property {HTMLTableElement} table
 */

export class Panels {
  /**
   * @param {HTMLElement} root
   * @param {import("./curves.js").Handlers} handlers
   */
  constructor(root, handlers) {
    this.root = root;
    this.handlers = handlers;
    /** @type {Map<string, Panel>} */
    this.panels = new Map();
  }

  /** Draw the curves of runs `{name, title, tint, series}` in the view `{axis, smooth, logX, logY, low, high, words}`. */
  show(runs, view) {
    const there = new Set(runs.flatMap((run) => Object.keys(run.series)));
    if (there.has("valid_bits_per_byte")) there.add("bits_per_byte");
    const names = [
      ...Object.keys(MEASURES).filter((name) => there.has(name)),
      ...[...there].filter((name) => !(name in MEASURES) && !HIDDEN.has(name)).sort(),
    ];
    for (const [name, panel] of this.panels) {
      if (names.includes(name)) continue;
      panel.root.remove();
      this.panels.delete(name);
    }
    names.forEach((name, place) => {
      const panel = this.panels.get(name) ?? this.panel(name);
      if (this.root.children[place] !== panel.root) {
        this.root.insertBefore(panel.root, this.root.children[place]);
      }
      panel.lines = linesOf(name, runs, view);
      panel.view = view;
      panel.chart.show({ ...view, lines: panel.lines });
      if (panel.details.open) fillTable(panel);
    });
  }

  mark(x, speaker) {
    for (const { chart } of this.panels.values()) chart.mark(x, chart === speaker);
  }

  panel(name) {
    const { title, large } = MEASURES[name] ?? { title: name.replaceAll("_", " ") };
    const root = element("section", `panel measure${large ? " large" : ""}`);
    const head = element("h2", "", title);
    head.id = `measure-${name}`;
    root.setAttribute("aria-labelledby", head.id);
    root.dataset.measure = name;
    const place = element("div", "");
    const chart = new CurveChart(place, { label: title, height: large ? 340 : 200, ...this.handlers });
    /** @type {Panel} */
    const panel = { root, title, chart, lines: [], view: null, ...tableBelow(title) };
    root.append(head, place, panel.details);
    panel.details.addEventListener("toggle", () => panel.details.open && fillTable(panel));
    this.panels.set(name, panel);
    return panel;
  }
}

function tableBelow(title) {
  const details = element("details", "numbers");
  const table = element("table", "");
  const scroll = element("div", "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", `${title} as a table`);
  scroll.append(table);
  details.append(element("summary", "small", "As a table"), scroll);
  return { details, table };
}

/** Return the lines of a measure: measured values (faint below a running mean), and held-out ones. */
function linesOf(name, runs, view) {
  const { held, exact } = MEASURES[name] ?? { title: name };
  /** @type {import("./curves.js").Line[]} */
  const lines = [];
  for (const run of runs) {
    const common = { tint: run.tint, lost: NOT_FINITE };
    const series = run.series[name];
    const xs = series?.[view.axis];
    if (xs) {
      const raw = { ...common, key: run.name, name: run.title, xs, ys: series.mean };
      const band = { low: series.low, high: series.high };
      const half = (view.smooth / 100) * widthOf(xs, view);
      if (half > 0 && !exact) {
        lines.push({ ...raw, ...band, faint: true });
        lines.push({ ...raw, ys: smooth(xs, series.mean, series.count, half) });
      } else lines.push({ ...raw, ...band });
    }
    const other = held && run.series[held];
    if (other?.[view.axis]) {
      const label = { key: `${run.name} held out`, name: `${run.title}, held out` };
      lines.push({ ...common, ...label, xs: other[view.axis], ys: other.mean, dots: true });
    }
  }
  return lines;
}

function widthOf(xs, { low, high }) {
  return (high ?? xs[xs.length - 1] ?? 0) - (low ?? 0);
}

/**
 * Fill the table of a panel with a few x values and the value of each line near them.
 * @param {Panel} panel
 */
function fillTable({ table, lines, view, title }) {
  if (!view) return;
  const shown = lines.filter((line) => !line.faint && line.xs.length);
  /** @type {number[]} */
  let longest = [];
  for (const { xs } of shown) if (xs.length > longest.length) longest = xs;
  const inside = longest.filter((x) => x >= (view.low ?? 0) && x <= (view.high ?? Infinity));
  const count = Math.min(MANY, inside.length);
  const xs = Array.from({ length: count }, (_, k) => inside[count === 1 ? 0 : Math.round((k * (inside.length - 1)) / (count - 1))]);
  const head = element("tr", "");
  for (const words of [view.axis === "bytes" ? "bytes seen" : "step", ...shown.map(({ name }) => name)]) {
    const cell = element("th", "", words);
    cell.scope = "col";
    head.append(cell);
  }
  const rows = xs.map((x) => {
    const row = element("tr", "");
    const first = element("th", "", view.words(x));
    first.scope = "row";
    row.append(first, ...shown.map((line) => element("td", "", near(line, x))));
    return row;
  });
  const caption = element("caption", "hidden", title);
  const [top, body] = [element("thead", ""), element("tbody", "")];
  top.append(head);
  body.append(...rows);
  table.replaceChildren(caption, top, body);
}

function near(line, x) {
  if (x > line.xs[line.xs.length - 1]) return "";
  const value = line.ys[nearest(line.xs, x)];
  return value === null ? NOT_FINITE : short(value);
}
