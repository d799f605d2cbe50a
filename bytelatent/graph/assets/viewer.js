/** A graph to look at: drawing, controls, panel and tables, kept in step with one another. */

import { findPath, matcher, meant, neighbours, passing, readGraph } from "./data.js";
import { make } from "./dom.js";
import { Drawing, library } from "./draw.js";
import { List, columnsOf } from "./lists.js";
import { edgePanel, nodePanel, overview, pathPanel, typeWords } from "./panel.js";
import { Tools } from "./tools.js";

const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const KEYS =
  "Drag to move, or scroll once it has the focus to zoom. By keys: arrows go to the next node, Enter shows only a neighbourhood, plus, minus and 0 zoom, Escape lets go.";
const PAUSE = 150;
const NEAR = 100; // pixels from the window, at which the drawing is fetched and drawn

/** @typedef {import("./data.js").GraphNode} GraphNode */
/** @typedef {import("./data.js").GraphEdge} GraphEdge */
/** @typedef {{from: GraphNode, to: GraphNode, found: import("./data.js").Path|null}} PathBetween */
/**
 * @typedef {object} ViewState what differs from the first view, by ids of nodes
 * @property {string[]} [hidden] types
 * @property {number} [least]
 * @property {number} [edges]
 * @property {string} [colour]
 * @property {string} [query]
 * @property {string} [near]
 * @property {string} [node]
 * @property {[string, string]} [edge]
 * @property {string} [from]
 * @property {string} [to]
 */

export class Viewer {
  /** @type {import("./data.js").Graph} the last that was shown */
  graph;
  /** @type {import("./data.js").Passing} */
  passes = { nodes: new Set(), edges: new Set() };
  /** @type {Parameters<typeof passing>[1]} */
  filter = { hidden: new Set(), least: 1, edgeLeast: 1, near: null };
  /** @type {{node?: GraphNode|null, edge?: GraphEdge|null, path?: PathBetween}} */
  picked = {};
  /** @type {GraphNode|null} whose neighbourhood alone is shown */
  near = null;
  colourBy = "type";
  timer = 0;
  /** @type {Tools} */
  tools;
  /** @type {HTMLElement} the drawing's container */
  canvas;
  /** @type {HTMLElement} */
  keys;
  /** @type {HTMLElement} what has just happened, in words */
  said;
  /** @type {HTMLElement} */
  panel;
  /** @type {List} */
  nodes;
  /** @type {List} */
  edges;
  /** @type {HTMLDataListElement} */
  names;
  /** @type {HTMLInputElement} where a path begins */
  from;
  /** @type {HTMLInputElement} where a path ends */
  to;
  /** @type {Drawing|null} once the library is there */
  drawing = null;

  /**
   * @param {HTMLElement} root an empty element
   * @param {{library: string, onChange?: (what: string) => void}} options `library`: URL of cytoscape;
   *   `onChange` is called when another view is seen
   */
  constructor(root, { library: url, onChange = () => {} }) {
    this.onChange = onChange;
    this.go = {
      node: (node) => this.pick({ node }, true),
      edge: (edge) => this.pick({ edge }, true),
      near: (node) => this.isolate(node),
      from: (node) => this.fill(this.from, node, this.to),
      to: (node) => this.fill(this.to, node, this.from),
    };
    this.build(root);
    this.ready = this.approached()
      .then(() => library(url))
      .then(
        (cytoscape) => this.attach(cytoscape),
        (error) => {
          this.canvas.hidden = true;
          this.tell(error.message);
        },
      );
    this.watchTheme();
  }

  /** Once the drawing is about to be seen: on a phone it is further down, and dear. */
  approached() {
    /** @type {Promise<void>} */
    const seen = new Promise((resolve) => {
      const watcher = new IntersectionObserver(
        (entries) => {
          if (!entries.some((entry) => entry.isIntersecting)) return;
          watcher.disconnect();
          resolve();
        },
        { rootMargin: `${NEAR}px` },
      );
      watcher.observe(this.canvas);
    });
    return seen;
  }

  attach(cytoscape) {
    const drawing = new Drawing(cytoscape, this.canvas, {
      onNode: (node) => this.pick({ node }),
      onEdge: (edge) => this.pick({ edge }),
      onNothing: () => this.pick({}),
    });
    this.drawing = drawing;
    if (!this.graph) return;
    drawing.load(this.graph, this.colourBy);
    drawing.show(this.passes);
    drawing.mark(this.marks());
    if (this.picked.node) drawing.reveal(this.picked.node, true);
  }

  build(root) {
    this.tools = new Tools({
      onSearch: () => this.searched(),
      onEnter: () => this.first(),
      onFilter: () => this.refilter(),
      onColour: (by) => this.recolour(by),
    });
    this.keys = make("p", { class: "gv-quiet gv-keys", id: "gv-keys" }, KEYS);
    this.canvas = make("div", {
      class: "gv-canvas",
      tabindex: "0",
      role: "group",
      "aria-label": "Drawing of the graph",
      "aria-describedby": "gv-keys",
      on: { keydown: (event) => this.walk(event) },
    });
    const zoom = (label, face, act) =>
      make("button", { type: "button", class: "gv-button", "aria-label": label, title: label, on: { click: act } }, face);
    const zooms = make(
      "div",
      { class: "gv-zooms" },
      zoom("Zoom in", "+", () => this.drawing?.zoom(1.4)),
      zoom("Zoom out", "−", () => this.drawing?.zoom(1 / 1.4)),
      zoom("Show all", "⤢", () => this.drawing?.fit(null, this.calm)),
    );
    this.said = make("p", { class: "gv-said", role: "status" });
    this.panel = make("aside", { class: "gv-panel gv-card", "aria-label": "Details", tabindex: "0" });
    this.nodes = new List("Nodes", (node) => this.pick({ node }, true));
    this.edges = new List("Edges", (edge) => this.pick({ edge }, true));
    const stage = make("div", { class: "gv-stage gv-card" }, this.canvas, zooms, this.said, this.keys);
    const tables = make("div", { class: "gv-tables" }, this.nodes.element, this.edges.element);
    root.replaceChildren(
      make("div", { class: "gv" }, this.tools.element, make("div", { class: "gv-main" }, stage, this.panel), this.pathForm(), tables),
    );
  }

  pathForm() {
    const names = make("datalist", { id: "gv-names" });
    const end = () => make("input", { list: "gv-names", autocomplete: "off", spellcheck: "false", maxlength: "200", required: true });
    [this.names, this.from, this.to] = [names, end(), end()];
    const submit = (event) => {
      event.preventDefault();
      this.path();
    };
    return make(
      "form",
      { class: "gv-path gv-card", "aria-label": "Path between two nodes", on: { submit } },
      make("label", { class: "gv-field gv-grow" }, make("span", {}, "Path from"), this.from),
      make("label", { class: "gv-field gv-grow" }, make("span", {}, "to"), this.to),
      make("button", { type: "submit", class: "gv-button" }, "Find the path"),
      names,
    );
  }

  /**
   * Show another graph.
   * @param {Record<string, any>} source node-link JSON
   * @param {ViewState} state as `state` gives it; all of it optional
   */
  async show(source, state = {}) {
    const graph = readGraph(source);
    this.graph = graph;
    this.colourBy = state.colour ?? (graph.kind === "patches" ? "entropy" : "type");
    this.drawing?.load(graph, this.colourBy);
    this.names.replaceChildren(...graph.nodes.map((node) => make("option", { value: node.label })));
    this.nodes.show([], columnsOf(graph, "nodes"));
    this.edges.show([], columnsOf(graph, "edges"));
    this.apply(state);
    const { top, bottom } = this.canvas.getBoundingClientRect();
    if (top < innerHeight && bottom > 0) await this.ready;
  }

  /**
   * The view of the graph that is shown, without the graph; names for ids that are not there any more are dropped.
   * @param {ViewState} state
   */
  apply(state) {
    /** @param {string} [id] */
    const node = (id) => (id === undefined ? null : (this.graph.byId.get(id) ?? null));
    this.near = node(state.near);
    this.tools.offer(this.graph, {
      hidden: new Set(state.hidden ?? []),
      least: state.least ?? 1,
      edgeLeast: state.edges ?? 1,
      colourBy: state.colour ?? this.colourBy,
      query: state.query ?? "",
    });
    if (state.colour && state.colour !== this.colourBy) this.recolour(state.colour);
    this.refilter(true);
    const [from, to] = [node(state.from), node(state.to)];
    this.from.value = from?.label ?? "";
    this.to.value = to?.label ?? "";
    if (from && to) this.path(from, to);
    else if (node(state.node)) this.pick({ node: node(state.node) }, true);
    else this.pick({ edge: this.graph.edges.find((edge) => edge.from.id === state.edge?.[0] && edge.to.id === state.edge?.[1]) ?? null });
  }

  /**
   * What `show` and `apply` take: only what differs from the first view.
   * @returns {ViewState}
   */
  get state() {
    if (!this.graph) return {};
    const { node, edge, path } = this.picked;
    const usual = this.graph.kind === "patches" ? "entropy" : "type";
    const state = {
      hidden: this.filter.hidden.size ? [...this.filter.hidden] : undefined,
      least: this.filter.least > (this.tools.least.values[0] ?? 1) ? this.filter.least : undefined,
      edges: this.filter.edgeLeast > (this.tools.edgeLeast.values[0] ?? 1) ? this.filter.edgeLeast : undefined,
      colour: this.colourBy === usual ? undefined : this.colourBy,
      query: this.tools.search.value || undefined,
      near: this.near?.id,
      node: node?.id,
      edge: edge ? [edge.from.id, edge.to.id] : undefined,
      from: path?.from.id,
      to: path?.to.id,
    };
    return Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined));
  }

  get calm() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  refilter(first = false) {
    this.filter = { hidden: this.tools.hidden, least: this.tools.least.value, edgeLeast: this.tools.edgeLeast.value, near: this.near };
    this.passes = passing(this.graph, this.filter);
    this.drawing?.show(this.passes);
    this.list();
    const { node, edge, path } = this.picked;
    if (first || (node && !this.passes.nodes.has(node)) || (edge && !this.passes.edges.has(edge))) this.picked = {};
    if (!first && path) this.path(path.from, path.to);
    else this.refresh();
    if (first) return;
    this.tell(`${this.passes.nodes.size} nodes and ${this.passes.edges.size} edges are shown.`);
    this.onChange("filter");
  }

  list() {
    const matches = this.matches();
    const nodes = [...this.passes.nodes].filter((node) => !matches || matches(node));
    const edges = [...this.passes.edges].filter((edge) => !matches || matches(edge.from) || matches(edge.to));
    this.nodes.show(nodes, this.nodes.columns);
    this.edges.show(edges, this.edges.columns);
    return nodes;
  }

  matches() {
    return matcher(this.tools.search.value);
  }

  searched() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const found = this.list();
      this.refresh();
      this.tell(this.matches() ? `${found.length} of ${this.passes.nodes.size} nodes match.` : "");
      this.onChange("query");
    }, PAUSE);
  }

  /** Enter in the search goes to the most frequent match. */
  first() {
    const node = meant([...this.passes.nodes], this.tools.search.value);
    if (node) this.pick({ node }, true);
    else this.tell("Nothing matches.");
  }

  recolour(by) {
    this.colourBy = by;
    this.tools.colour.value = by;
    this.drawing?.recolour(by);
    this.refresh();
    this.onChange("colour");
  }

  /**
   * @param {{node?: GraphNode|null, edge?: GraphEdge|null}} picked
   * @param {boolean} reveal bring it into view
   */
  pick({ node = null, edge = null }, reveal = false) {
    if (!this.graph) return;
    this.picked = { node, edge };
    this.refresh();
    if (node && reveal) this.drawing?.reveal(node, this.calm);
    if (edge && reveal) this.drawing?.fit([edge.from, edge.to], this.calm);
    if (node) this.tell(`${node.label}, ${typeWords(node.type)}, ${node.count} times, ${neighbours(node).size} connections.`);
    if (edge) this.tell(`${edge.from.label} to ${edge.to.label}, ${edge.count} times.`);
    this.onChange("pick");
  }

  /** @param {GraphNode|null} node whose neighbourhood alone is to be shown; null for everything */
  isolate(node) {
    this.near = node;
    const picked = this.picked;
    this.refilter();
    this.picked = node ? { node } : picked;
    this.refresh();
    this.drawing?.fit(null, this.calm);
    if (node) this.tell(`Only ${node.label} and its ${this.passes.nodes.size - 1} neighbours are shown.`);
  }

  /**
   * @param {HTMLInputElement} input
   * @param {GraphNode} node
   * @param {HTMLInputElement} other
   */
  fill(input, node, other) {
    input.value = node.label;
    if (other.value) this.path(input === this.from ? node : null, input === this.to ? node : null);
    else other.focus();
  }

  /**
   * Between two nodes, or those that the form names.
   * @param {GraphNode|null} from
   * @param {GraphNode|null} to
   */
  path(from = null, to = null) {
    const nodes = this.graph.nodes;
    from ??= meant(nodes, this.from.value);
    to ??= meant(nodes, this.to.value);
    if (!from || !to) {
      this.tell(`There is no node called ${(from ? this.to : this.from).value.slice(0, 40)}.`);
      return;
    }
    [this.from.value, this.to.value] = [from.label, to.label];
    const found = findPath(this.graph, this.passes, from, to);
    this.picked = { path: { from, to, found } };
    this.refresh();
    if (found) this.drawing?.fit(found.nodes, this.calm);
    this.tell(found ? `The path has ${found.edges.length} steps.` : "There is no path between them among what is shown.");
    this.onChange("path");
  }

  /** Draw again what depends on what is picked. */
  refresh() {
    const { node, edge, path } = this.picked;
    /** @type {(HTMLElement|null)[]} */
    const content = node
      ? nodePanel(this, node)
      : edge
        ? edgePanel(this, edge)
        : path
          ? pathPanel(this, path.found, path.from, path.to)
          : overview(this);
    this.panel.replaceChildren(...[this.back(node || edge || path), ...content].filter((part) => part !== null));
    this.panel.scrollTop = 0;
    this.nodes.mark(node ?? null);
    this.edges.mark(edge ?? null);
    this.drawing?.mark(this.marks());
  }

  back(anything) {
    if (!anything) return null;
    const leave = () => {
      this.pick({});
      this.panel.focus();
    };
    return make("button", { type: "button", class: "gv-link gv-back", on: { click: leave } }, "← The whole graph");
  }

  marks() {
    const { node, edge, path } = this.picked;
    /** @type {Set<GraphNode|GraphEdge>} */
    const lit = new Set();
    if (path) for (const item of path.found ? [...path.found.nodes, ...path.found.edges] : [path.from, path.to]) lit.add(item);
    if (edge) lit.add(edge).add(edge.from).add(edge.to);
    if (node) {
      for (const each of [...node.out, ...node.into]) if (this.passes.edges.has(each)) lit.add(each).add(each.from).add(each.to);
      lit.add(node);
    }
    const matches = this.matches();
    if (!lit.size && matches) for (const each of this.passes.nodes) if (matches(each)) lit.add(each);
    const picked = new Set(path ? [path.from, path.to] : [node ?? edge].filter((item) => item !== null && item !== undefined));
    return { picked, lit: lit.size || matches ? lit : null };
  }

  walk(event) {
    if (!this.graph || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      Enter: () => this.picked.node && this.isolate(this.near === this.picked.node ? null : this.picked.node),
      Escape: () => (this.near ? this.isolate(null) : this.pick({})),
      "+": () => this.drawing?.zoom(1.4),
      "=": () => this.drawing?.zoom(1.4),
      "-": () => this.drawing?.zoom(1 / 1.4),
      0: () => this.drawing?.fit(null, this.calm),
    };
    const act = event.key in WAYS ? () => this.step(WAYS[event.key]) : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  step(way) {
    const { node } = this.picked;
    const next = node ? this.drawing?.beside(node, way, this.passes.nodes) : this.graph.nodes.find((each) => this.passes.nodes.has(each));
    if (next) this.pick({ node: next }, true);
  }

  watchTheme() {
    const changed = () => this.graph && this.drawing?.recolour();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
    addEventListener("themechange", changed);
  }

  tell(words) {
    this.said.textContent = words;
  }
}
