/** Tables of nodes and edges: everything that the drawing shows, for keys, readers and print. */

import { figure } from "./data.js";
import { linkTo, make } from "./dom.js";
import { badge, typeWords } from "./panel.js";

const AT_ONCE = 40;

/** @typedef {import("./data.js").GraphNode | import("./data.js").GraphEdge} Item */
/** @typedef {{key: string, title: string, text?: (item: any) => string, cell?: (item: any) => (string|Node)[]}} Column */

/** @type {Column[]} */
const NODE_COLUMNS = [
  { key: "label", title: "Name", text: (node) => node.label },
  { key: "type", title: "Type", text: (node) => typeWords(node.type), cell: (node) => [badge(node.type), typeWords(node.type)] },
  { key: "count", title: "Times" },
  { key: "degree", title: "Edges" },
];
/** @type {Column[]} */
const PATCH_COLUMNS = [
  { key: "entropy", title: "Entropy, nats" },
  { key: "bits", title: "Bits" },
];
/** @type {Column[]} */
const EDGE_COLUMNS = [
  { key: "from", title: "From", text: (edge) => edge.from.label },
  { key: "to", title: "To", text: (edge) => edge.to.label },
  { key: "type", title: "Relation", text: (edge) => edge.type },
  { key: "count", title: "Times" },
];
/** @type {Column[]} */
const STEP_COLUMNS = [
  { key: "probability", title: "Chance" },
  { key: "bits", title: "Bits" },
];

/**
 * Which columns a graph's tables have.
 * @param {import("./data.js").Graph} graph
 * @param {"nodes"|"edges"} what
 */
export function columnsOf(graph, what) {
  const patches = graph.kind === "patches";
  if (what === "nodes") return [...NODE_COLUMNS, ...(patches ? PATCH_COLUMNS : [])];
  return [...EDGE_COLUMNS.filter(({ key }) => !patches || key !== "type"), ...(patches ? STEP_COLUMNS : [])];
}

export class List {
  /** @type {Item[]} */
  items = [];
  /** @type {Column[]} */
  columns = [];
  /** Key of the column that the rows are sorted by. */
  sort = "count";
  falling = true;
  shown = AT_ONCE;
  /** @type {Item|null} */
  picked = null;
  /** @type {WeakMap<HTMLTableRowElement, Item>} what each row is about */
  itemOf = new WeakMap();

  /**
   * @param {string} title of the table
   * @param {(item: any) => void} onPick what to do with a chosen item
   */
  constructor(title, onPick) {
    this.title = title;
    this.onPick = onPick;
    this.caption = make("caption");
    this.head = make("tr");
    this.body = make("tbody", { on: { keydown: (event) => this.walk(event) } });
    this.more = make("button", { type: "button", class: "gv-button", on: { click: () => this.longer() } }, "Show more");
    const table = make("table", { class: "gv-table gv-list" }, this.caption, make("thead", {}, this.head), this.body);
    const box = make("div", { class: "gv-scroll", tabindex: "0", role: "region", "aria-label": title }, table);
    this.element = make("section", { class: "gv-card" }, box, this.more);
  }

  /**
   * @param {Item[]} items those that are shown
   * @param {Column[]} columns of {@link columnsOf}
   */
  show(items, columns) {
    if (!columns.some(({ key }) => key === this.sort)) [this.sort, this.falling] = ["count", true];
    Object.assign(this, { items: [...items], columns, shown: AT_ONCE });
    this.order();
  }

  order() {
    const value = this.columns.find(({ key }) => key === this.sort)?.text ?? ((item) => item[this.sort] ?? -Infinity);
    const sign = this.falling ? -1 : 1;
    this.items.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
    });
    this.head.replaceChildren(...this.columns.map((column) => this.heading(column)));
    this.fill();
  }

  /** @param {Column} column */
  heading({ key, title, text }) {
    const sorted = key === this.sort ? (this.falling ? "descending" : "ascending") : null;
    const choose = () => {
      this.falling = key === this.sort ? !this.falling : !text;
      this.sort = key;
      this.order();
      this.head.querySelector("[aria-sort]")?.querySelector("button")?.focus();
    };
    const button = make("button", { type: "button", class: "gv-sort", on: { click: choose } }, title);
    return make("th", { scope: "col", class: text ? null : "gv-number", "aria-sort": sorted }, button);
  }

  fill() {
    const rows = this.items.slice(0, this.shown);
    this.body.replaceChildren(...rows.map((item) => this.row(item)));
    this.caption.textContent =
      rows.length < this.items.length ? `${this.title}: ${rows.length} of ${figure(this.items.length)}` : `${this.title}: ${rows.length}`;
    this.more.hidden = rows.length === this.items.length;
    this.mark(this.picked);
  }

  row(item) {
    const cells = this.columns.map((column, i) => {
      const content = column.cell?.(item) ?? [column.text ? column.text(item) : figure(item[column.key])];
      if (i === 0)
        return make(
          "th",
          { scope: "row" },
          linkTo(content[0], () => this.onPick(item)),
        );
      return make("td", { class: column.text ? null : "gv-number", dir: column.text ? "auto" : null }, ...content);
    });
    const row = make("tr", {}, cells);
    this.itemOf.set(row, item);
    return row;
  }

  longer() {
    const first = this.shown;
    this.shown += 5 * AT_ONCE;
    this.fill();
    this.body.rows[first]?.querySelector("button")?.focus();
  }

  /** @param {Item|null} item */
  mark(item) {
    this.picked = item;
    for (const row of this.body.rows) {
      if (item && this.itemOf.get(row) === item) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  /** Up and down go from row to row. */
  walk(event) {
    const row = event.target.closest("tr");
    const next = {
      ArrowDown: row?.nextElementSibling,
      ArrowUp: row?.previousElementSibling,
      Home: this.body.firstElementChild,
      End: this.body.lastElementChild,
    }[event.key];
    if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    next.querySelector("button")?.focus();
  }
}
