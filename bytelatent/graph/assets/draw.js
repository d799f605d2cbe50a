/** The drawing: cytoscape.js on a canvas. Places come from the file, so it looks the same each time. */

import { Carrier } from "./carry.js";
import { rangeOf } from "./data.js";
import { Labels, MARGIN } from "./labels.js";

const SPREAD = 62; // pixels between nodes, about
const ROOMY = 400; // more nodes than this come closer together
const LANDMARKS = 24; // most frequent nodes, whose names are there however far one is
const SEEN = 12; // pixels of their letters in the first view
const WIDER = 1.25; // the drawing is wider than high
const FRAME = 36; // pixels, with room for labels at the edges
const CLOSE = 1.3; // a few nodes are not blown up beyond this
const BARE = { includeLabels: false }; // a view does not depend on labels: which are written follows from it
const MANY_EDGES = 700; // from here on edges have no arrows: they would hide each other

/** Shapes beside colours, for those who see no difference between these. */
const SHAPES = {
  PERSON: "ellipse",
  ORG: "hexagon",
  NORP: "hexagon",
  GPE: "round-rectangle",
  LOC: "round-rectangle",
  FAC: "round-rectangle",
  word: "ellipse",
  part: "round-triangle",
  space: "round-rectangle",
  crossing: "diamond",
  sign: "pentagon",
  bytes: "hexagon",
};
const HUES = {
  PERSON: 0,
  GPE: 2,
  LOC: 2,
  FAC: 5,
  ORG: 1,
  NORP: 4,
  EVENT: 3,
  WORK_OF_ART: 6,
  TITLE: 0,
  word: 0,
  part: 1,
  space: 7,
  crossing: 3,
  sign: 4,
  bytes: 6,
};
const HUE_COUNT = 8;

export function shapeOf(type) {
  return SHAPES[type] ?? "diamond";
}

/** Number of a type's colour (`--g0` to `--g7`). */
export function hueOf(type) {
  if (type in HUES) return HUES[type];
  let sum = 0;
  for (const character of type) sum += character.codePointAt(0);
  return sum % HUE_COUNT;
}

/** Fetch cytoscape once, as a classic script; its style sheet is ours, since pages allow none inline. */
export function library(url) {
  if (globalThis.cytoscape) return Promise.resolve(globalThis.cytoscape);
  const mark = document.createElement("template");
  mark.id = "__________cytoscape_stylesheet";
  document.head.append(mark);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.addEventListener("load", () => resolve(globalThis.cytoscape));
    script.addEventListener("error", () => reject(new Error("The drawing cannot be loaded; the tables have everything.")));
    document.head.append(script);
  });
}

export class Drawing {
  /**
   * @param {Function} cytoscape the library
   * @param {HTMLElement} element where to draw
   * @param {{onNode: Function, onEdge: Function, onNothing: Function}} handlers
   */
  constructor(cytoscape, element, { onNode, onEdge, onNothing }) {
    this.element = element;
    this.cytoscape = cytoscape;
    this.handlers = { onNode, onEdge, onNothing };
    this.cy = null;
    this.guardWheel();
  }

  /** The wheel scrolls the page, unless the drawing has the focus or Ctrl is held. */
  guardWheel() {
    const wheel = (event) => {
      const wanted = event.ctrlKey || event.metaKey || this.element.contains(document.activeElement);
      this.cy?.userZoomingEnabled(wanted);
    };
    this.element.parentElement.addEventListener("wheel", wheel, { capture: true, passive: true });
    this.element.addEventListener("touchstart", () => this.cy?.userZoomingEnabled(true), { capture: true, passive: true });
    this.element.parentElement.addEventListener("pointerdown", () => this.keepPlace(), { capture: true });
    this.element.addEventListener("pointerdown", () => this.element.focus({ preventScroll: true }));
  }

  /** Tell the library when something above has pushed the drawing elsewhere, or it misses what is hit. */
  keepPlace() {
    const { left, top } = this.element.getBoundingClientRect();
    const at = `${left + scrollX} ${top + scrollY}`;
    if (at !== this.at) this.cy?.resize();
    this.at = at;
  }

  /** @param {object} graph see data.js; @param {string} colourBy "type", "entropy", "bits" or "community" */
  load(graph, colourBy) {
    this.cy?.destroy();
    this.element.replaceChildren();
    this.graph = graph;
    this.colourBy = colourBy;
    const many = graph.edges.length > MANY_EDGES;
    const count = graph.nodes.length + 4;
    const reach = (SPREAD * Math.sqrt(count) * Math.min(1, (ROOMY / count) ** 0.3)) / 2;
    const { clientWidth, clientHeight } = this.element;
    const zoom = Math.min(clientWidth / WIDER, clientHeight) / (2 * reach); // about, of the first view
    this.letters = Math.max(10, SEEN / Math.max(0.1, zoom));
    this.sizes(graph);
    this.cy = this.cytoscape({
      container: this.element,
      elements: [...graph.nodes.map((node) => this.nodeElement(node, reach)), ...graph.edges.map((edge) => this.edgeElement(edge))],
      style: this.style(many),
      layout: { name: "preset", fit: false },
      minZoom: 0.02,
      maxZoom: 6,
      boxSelectionEnabled: false,
      autounselectify: true,
      textureOnViewport: many,
      hideEdgesOnViewport: false,
      pixelRatio: many ? 1 : "auto",
    });
    this.cy.on("tap", "node", ({ target }) => this.handlers.onNode(graph.byId.get(target.id())));
    this.cy.on("tap", "edge", ({ target }) => this.handlers.onEdge(graph.edges[Number(target.id().slice(1))]));
    this.cy.on("tap", ({ target }) => target === this.cy && this.handlers.onNothing());
    this.fit(null, true);
    this.labels = new Labels(this.cy, graph.nodes);
    this.labels.choose();
    this.carrier = new Carrier(this.cy, this.element, () => ({ line: this.paint.muted, ...this.paint }));
  }

  sizes(graph) {
    const most = Math.log1p(graph.nodes[0]?.count ?? 1);
    const wide = Math.log1p(Math.max(1, ...graph.edges.map((edge) => edge.count)));
    this.sizeOf = (node) => 9 + 27 * (Math.log1p(node.count) / most) ** 2;
    this.widthOf = (edge) => 0.6 + 3.6 * (Math.log1p(edge.count) / wide) ** 2;
  }

  nodeElement(node, reach) {
    const size = this.sizeOf(node);
    const landmark = node.rank < LANDMARKS;
    const letters = landmark ? this.letters + size / 6 : 8 + size / 3;
    return {
      group: "nodes",
      classes: landmark ? "landmark" : "",
      data: {
        id: node.id,
        label: shortened(node.label),
        size,
        letters,
        most: letters,
        above: Math.max(0, LANDMARKS - node.rank),
        colour: this.colourOf(node),
        shape: shapeOf(node.type),
      },
      position: { x: node.x * reach * WIDER, y: -node.y * reach },
    };
  }

  edgeElement(edge) {
    return { group: "edges", data: { id: edge.id, source: edge.from.id, target: edge.to.id, width: this.widthOf(edge) } };
  }

  style(many) {
    const { ink, panel, muted, mark, accent } = this.paint;
    return [
      {
        selector: "node",
        style: {
          shape: "data(shape)",
          width: "data(size)",
          height: "data(size)",
          "background-color": "data(colour)",
          "border-width": 1,
          "border-color": panel,
          label: "data(label)",
          "font-size": "data(letters)",
          "font-family": "system-ui, sans-serif",
          color: ink,
          "text-valign": "bottom",
          "text-margin-y": MARGIN,
          "text-outline-color": panel,
          "text-outline-width": 2,
          "text-outline-opacity": 0.85,
          "min-zoomed-font-size": 9,
          "overlay-opacity": 0,
          "z-index": "data(above)",
        },
      },
      {
        selector: "edge",
        style: {
          "curve-style": many ? "haystack" : "straight",
          width: "data(width)",
          "line-color": muted,
          opacity: many ? 0.28 : 0.45,
          "target-arrow-shape": many ? "none" : "triangle",
          "target-arrow-color": muted,
          "arrow-scale": 0.7,
          "overlay-opacity": 0,
        },
      },
      { selector: "node.landmark", style: { "min-zoomed-font-size": 5 } },
      { selector: ".gone, .carried", style: { display: "none" } },
      { selector: "node.faded", style: { opacity: 0.16, "text-opacity": 0 } },
      { selector: "edge.faded", style: { opacity: 0.05 } },
      { selector: "edge.lit", style: { "line-color": accent, "target-arrow-color": accent, opacity: 0.9 } },
      { selector: "node.lit", style: { "min-zoomed-font-size": 5, "z-index": LANDMARKS + 1 } },
      {
        selector: "node.picked",
        style: { "border-width": 4, "border-color": mark, "min-zoomed-font-size": 0, "font-weight": "bold", "z-index": LANDMARKS + 2 },
      },
      { selector: "node.above", style: { "text-valign": "top", "text-margin-y": -MARGIN } },
      { selector: "node.right", style: { "text-valign": "center", "text-halign": "right", "text-margin-y": 0, "text-margin-x": MARGIN } },
      { selector: "node.left", style: { "text-valign": "center", "text-halign": "left", "text-margin-y": 0, "text-margin-x": -MARGIN } },
      { selector: "node.unwritten", style: { label: "" } },
      { selector: "edge.picked", style: { "line-color": mark, "target-arrow-color": mark, opacity: 1, "z-index": 9 } },
    ];
  }

  /** Colours of the present theme. */
  get paint() {
    const style = getComputedStyle(this.element);
    const read = (name) => style.getPropertyValue(`--${name}`).trim() || "#888888";
    return {
      ink: read("ink"),
      panel: read("panel"),
      muted: read("muted"),
      mark: read("mark"),
      accent: read("accent"),
      hues: Array.from({ length: HUE_COUNT }, (_, i) => read(`g${i}`)),
      heat: ["heat0", "heat1", "heat2"].map(read),
    };
  }

  colourOf(node) {
    this.known ??= this.paint;
    if (this.colourBy === "type") return this.known.hues[hueOf(node.type)];
    if (this.colourBy === "community") return this.known.hues[Math.abs(node.community ?? 0) % HUE_COUNT];
    this.range ??= rangeOf(this.graph, this.colourBy);
    const [low, high] = this.range;
    return blend(this.known.heat, high > low ? ((node[this.colourBy] ?? low) - low) / (high - low) : 0);
  }

  /** Colours anew: another theme, or another meaning. */
  recolour(colourBy = this.colourBy) {
    this.colourBy = colourBy;
    this.known = this.range = null;
    if (!this.cy) return;
    this.cy.style(this.style(this.graph.edges.length > MANY_EDGES));
    this.cy.batch(() => {
      for (const node of this.graph.nodes) this.cy.$id(node.id).data("colour", this.colourOf(node));
    });
  }

  show({ nodes, edges }) {
    this.cy?.batch(() => {
      for (const node of this.graph.nodes) this.cy.$id(node.id).toggleClass("gone", !nodes.has(node));
      for (const edge of this.graph.edges) this.cy.$id(edge.id).toggleClass("gone", !edges.has(edge));
    });
    this.labels?.soon();
  }

  /**
   * @param {{picked: Set, lit: Set|null}} what nodes and edges; `lit` null lights everything
   */
  mark({ picked, lit }) {
    this.cy?.batch(() => {
      for (const item of [...this.graph.nodes, ...this.graph.edges]) {
        const element = this.cy.$id(item.id);
        element.toggleClass("picked", picked.has(item));
        element.toggleClass("lit", Boolean(lit?.has(item)));
        element.toggleClass("faded", Boolean(lit) && !lit.has(item) && !picked.has(item));
      }
    });
    this.labels?.soon();
  }

  /** Bring nodes into view: those that are shown, or some. */
  fit(nodes = null, calm = false) {
    if (!this.cy) return;
    const wanted = nodes ? this.cy.collection(nodes.map((node) => this.cy.$id(node.id)[0])) : this.cy.elements(":visible");
    this.cy.resize();
    if (!wanted.length) return;
    const { w, h } = wanted.boundingBox(BARE);
    const zoom = Math.min(CLOSE, (this.cy.width() - 2 * FRAME) / w, (this.cy.height() - 2 * FRAME) / h);
    this.look(wanted, zoom, calm);
  }

  /** Bring a node to where it can be seen, if it is not. */
  reveal(node, calm) {
    const element = this.cy?.$id(node.id);
    if (!element?.length) return;
    const { x, y } = element.renderedPosition();
    const inside = x > FRAME && y > FRAME && x < this.cy.width() - FRAME && y < this.cy.height() - FRAME;
    if (inside && this.cy.zoom() > 0.25) return;
    this.look(element, Math.max(0.7, this.cy.zoom()), calm);
  }

  /** Put elements in the middle. */
  look(elements, zoom, calm) {
    const { x1, y1, w, h } = elements.boundingBox(BARE);
    const pan = { x: this.cy.width() / 2 - zoom * (x1 + w / 2), y: this.cy.height() / 2 - zoom * (y1 + h / 2) };
    if (calm) this.cy.viewport({ zoom, pan });
    else this.cy.animate({ zoom, pan }, { duration: 250 });
  }

  zoom(factor) {
    if (!this.cy) return;
    const middle = { x: this.cy.width() / 2, y: this.cy.height() / 2 };
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: middle });
  }

  /** The nearest shown node in a direction, from where it is drawn. */
  beside(node, [dx, dy], nodes) {
    const place = (each) => this.cy.$id(each.id).position();
    const here = place(node);
    let best = null;
    let least = Infinity;
    for (const other of nodes) {
      if (other === node) continue;
      const there = place(other);
      const along = (there.x - here.x) * dx + (there.y - here.y) * dy;
      const aside = Math.abs((there.x - here.x) * dy) + Math.abs((there.y - here.y) * dx);
      const far = along + 2 * aside;
      if (along > 0.5 && aside <= along * 1.5 && far < least) [best, least] = [other, far];
    }
    return best;
  }

  /** What is shown, as a PNG. */
  picture() {
    return this.cy.png({ output: "blob-promise", full: true, scale: 2, maxWidth: 4000, maxHeight: 4000, bg: this.paint.panel });
  }
}

function shortened(label) {
  return label.length > 28 ? `${label.slice(0, 27)}…` : label;
}

/** A colour between three, by a share from 0 to 1. */
function blend(colours, share) {
  const at = Math.min(1, Math.max(0, share)) * 2;
  const first = Math.min(1, Math.floor(at));
  const [a, b] = [channels(colours[first]), channels(colours[first + 1])];
  const mixed = a.map((value, i) => Math.round(value + (b[i] - value) * (at - first)));
  return `rgb(${mixed.join(",")})`;
}

function channels(colour) {
  const digits = colour.replace("#", "");
  return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16) || 0);
}
