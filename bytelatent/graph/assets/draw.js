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

/** @typedef {import("./data.js").GraphNode} GraphNode */
/** @typedef {import("./data.js").GraphEdge} GraphEdge */
/** @typedef {import("./data.js").Graph} Graph */

export class Drawing {
  /** @type {import("cytoscape").Core|null} */
  cy = null;
  /** @type {Graph} the last that was loaded */
  graph;
  letters = 10; // pixels, of landmarks
  wide = 1; // logarithm of the largest count of an edge
  /** @type {number[]|null} lowest and highest value of what the colours show, once it has been asked for */
  range = null;
  /** @type {Drawing["paint"]|null} colours that nodes have now */
  known = null;

  /**
   * @param {(options: import("cytoscape").CytoscapeOptions) => import("cytoscape").Core} cytoscape the library
   * @param {HTMLElement} element where to draw, within another element
   * @param {{onNode: (node: GraphNode) => void, onEdge: (edge: GraphEdge) => void, onNothing: () => void}} handlers
   */
  constructor(cytoscape, element, { onNode, onEdge, onNothing }) {
    this.element = element;
    this.cytoscape = cytoscape;
    this.handlers = { onNode, onEdge, onNothing };
    this.guardWheel();
  }

  /** The wheel scrolls the page, unless the drawing has the focus or Ctrl is held. */
  guardWheel() {
    const wheel = (event) => {
      const wanted = event.ctrlKey || event.metaKey || this.element.contains(document.activeElement);
      this.cy?.userZoomingEnabled(wanted);
    };
    const stage = /** @type {HTMLElement} */ (this.element.parentElement);
    stage.addEventListener("wheel", wheel, { capture: true, passive: true });
    this.element.addEventListener("touchstart", () => this.cy?.userZoomingEnabled(true), { capture: true, passive: true });
    stage.addEventListener("pointerdown", () => this.keepPlace(), { capture: true });
    this.element.addEventListener("pointerdown", () => this.element.focus({ preventScroll: true }));
  }

  /** Tell the library when something above has pushed the drawing elsewhere, or it misses what is hit. */
  keepPlace() {
    const { left, top } = this.element.getBoundingClientRect();
    const at = `${left + scrollX} ${top + scrollY}`;
    if (at !== this.at) this.cy?.resize();
    this.at = at;
  }

  /**
   * @param {Graph} graph
   * @param {string} colourBy "type", "entropy", "bits" or "community"
   */
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
    this.wide = Math.log1p(Math.max(1, ...graph.edges.map((edge) => edge.count)));
    const cy = this.cytoscape({
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
    this.cy = cy;
    cy.on("tap", "node", ({ target }) => {
      const node = graph.byId.get(target.id());
      if (node) this.handlers.onNode(node);
    });
    cy.on("tap", "edge", ({ target }) => this.handlers.onEdge(graph.edges[Number(target.id().slice(1))]));
    cy.on("tap", ({ target }) => target === cy && this.handlers.onNothing());
    this.fit(null, true);
    this.labels = new Labels(cy, graph.nodes);
    this.labels.choose();
    this.carrier = new Carrier(cy, this.element, () => ({ line: this.paint.muted, ...this.paint }));
  }

  /** @param {GraphNode} node */
  sizeOf(node) {
    const most = Math.log1p(this.graph.nodes[0]?.count ?? 1);
    return 9 + 27 * (Math.log1p(node.count) / most) ** 2;
  }

  /** @param {GraphEdge} edge */
  widthOf(edge) {
    return 0.6 + 3.6 * (Math.log1p(edge.count) / this.wide) ** 2;
  }

  /**
   * @param {GraphNode} node
   * @returns {import("cytoscape").ElementDefinition}
   */
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

  /**
   * @param {GraphEdge} edge
   * @returns {import("cytoscape").ElementDefinition}
   */
  edgeElement(edge) {
    return { group: "edges", data: { id: edge.id, source: edge.from.id, target: edge.to.id, width: this.widthOf(edge) } };
  }

  /** @returns {any[]} a style sheet as the library has it, whose types know no `data(…)` of ours */
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
    const range = this.range ?? rangeOf(this.graph, this.colourBy);
    this.range = range;
    const [low, high] = range;
    return blend(this.known.heat, high > low ? ((node[this.colourBy] ?? low) - low) / (high - low) : 0);
  }

  /** Colours anew: another theme, or another meaning. */
  recolour(colourBy = this.colourBy) {
    this.colourBy = colourBy;
    this.known = this.range = null;
    const { cy } = this;
    if (!cy) return;
    cy.style(this.style(this.graph.edges.length > MANY_EDGES));
    cy.batch(() => {
      for (const node of this.graph.nodes) cy.$id(node.id).data("colour", this.colourOf(node));
    });
  }

  /** @param {import("./data.js").Passing} passes */
  show({ nodes, edges }) {
    const { cy } = this;
    cy?.batch(() => {
      for (const node of this.graph.nodes) cy.$id(node.id).toggleClass("gone", !nodes.has(node));
      for (const edge of this.graph.edges) cy.$id(edge.id).toggleClass("gone", !edges.has(edge));
    });
    this.labels?.soon();
  }

  /**
   * @param {{picked: Set<GraphNode|GraphEdge>, lit: Set<GraphNode|GraphEdge>|null}} what nodes and edges; `lit` null lights everything
   */
  mark({ picked, lit }) {
    const { cy } = this;
    cy?.batch(() => {
      for (const item of [...this.graph.nodes, ...this.graph.edges]) {
        const element = cy.$id(item.id);
        element.toggleClass("picked", picked.has(item));
        element.toggleClass("lit", Boolean(lit?.has(item)));
        element.toggleClass("faded", lit !== null && !lit.has(item) && !picked.has(item));
      }
    });
    this.labels?.soon();
  }

  /**
   * Bring nodes into view: those that are shown, or some.
   * @param {GraphNode[]|null} nodes
   */
  fit(nodes = null, calm = false) {
    const { cy } = this;
    if (!cy) return;
    const chosen = new Set(nodes?.map((node) => node.id));
    const wanted = nodes ? cy.nodes().filter((element) => chosen.has(element.id())) : cy.elements(":visible");
    cy.resize();
    if (!wanted.length) return;
    const { w, h } = wanted.boundingBox(BARE);
    const zoom = Math.min(CLOSE, (cy.width() - 2 * FRAME) / w, (cy.height() - 2 * FRAME) / h);
    this.look(cy, wanted, zoom, calm);
  }

  /**
   * Bring a node to where it can be seen, if it is not.
   * @param {GraphNode} node
   */
  reveal(node, calm) {
    const { cy } = this;
    const element = cy?.$id(node.id);
    if (!cy || !element?.length) return;
    const { x, y } = element.renderedPosition();
    const inside = x > FRAME && y > FRAME && x < cy.width() - FRAME && y < cy.height() - FRAME;
    if (inside && cy.zoom() > 0.25) return;
    this.look(cy, element, Math.max(0.7, cy.zoom()), calm);
  }

  /**
   * Put elements in the middle.
   * @param {import("cytoscape").Core} cy
   */
  look(cy, elements, zoom, calm) {
    const { x1, y1, w, h } = elements.boundingBox(BARE);
    const pan = { x: cy.width() / 2 - zoom * (x1 + w / 2), y: cy.height() / 2 - zoom * (y1 + h / 2) };
    if (calm) cy.viewport({ zoom, pan });
    else cy.animate({ zoom, pan }, { duration: 250 });
  }

  zoom(factor) {
    if (!this.cy) return;
    const middle = { x: this.cy.width() / 2, y: this.cy.height() / 2 };
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: middle });
  }

  /**
   * The nearest shown node in a direction, from where it is drawn.
   * @param {GraphNode} node
   * @param {number[]} way rightwards and downwards
   * @param {Iterable<GraphNode>} nodes that are shown
   * @returns {GraphNode|null}
   */
  beside(node, [dx, dy], nodes) {
    const { cy } = this;
    if (!cy) return null;
    const place = (each) => cy.$id(each.id).position();
    const here = place(node);
    /** @type {GraphNode|null} */
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

  /**
   * What is shown, as a PNG; null before anything is.
   * @returns {Promise<Blob>|null}
   */
  picture() {
    if (!this.cy) return null;
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
