/**
 * Which labels are written, and on which side of their nodes: where two would overlap on every side,
 * that of what is chosen, then of what is lit, then of the more frequent node, whose disc others leave
 * free as well. Letters stop growing at a size that is easily read, so there is room for more of them
 * when one comes nearer. What is too small to be read is left out here, since the library rounds zooms up
 * to powers of two.
 */

export const MARGIN = 2; // between a disc and its label, as the graph is measured
const SIDES = ["below", "above", "right", "left"]; // in the order of preference; all but the first are classes
const CLEAR = 2; // pixels between labels
const SETTLED = 60; // milliseconds after the last change; labels do not flicker while one zooms
const LARGE = 16; // pixels of letters, at most
const SMALL = 12; // pixels of discs that may stand on a label
const MEASURED = 100; // pixels of the letters whose widths are kept

export class Labels {
  timer = 0;
  /** @type {Map<string, number>} */
  widths = new Map();

  /**
   * @param {import("cytoscape").Core} cy the drawing
   * @param {import("./data.js").GraphNode[]} nodes of the graph, the most frequent first
   */
  constructor(cy, nodes) {
    this.cy = cy;
    this.nodes = nodes;
    this.context = document.createElement("canvas").getContext("2d");
    cy.on("zoom", () => this.soon());
    cy.on("position", "node", () => this.soon());
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.choose(), SETTLED);
  }

  choose() {
    if (this.cy.destroyed()) return;
    const weight = (element) => (element.hasClass("picked") ? 2 : 0) + (element.hasClass("lit") ? 1 : 0);
    const elements = this.nodes.map((node) => this.cy.$id(node.id)).sort((a, b) => weight(b) - weight(a));
    /** @type {ReturnType<typeof box>[]} */
    const taken = [];
    this.cy.batch(() => {
      for (const element of elements) {
        if (!element.visible()) continue;
        const letters = Math.min(element.data("most"), LARGE / this.cy.zoom());
        if (letters !== element.data("letters")) element.data("letters", letters);
        const { labels, disc } = this.boxes(element);
        const side = labels && SIDES.find((each) => taken.every((other) => apart(labels[each], other)));
        element.toggleClass("unwritten", !side);
        for (const each of SIDES.slice(1)) element.toggleClass(each, each === side);
        if (labels && side) taken.push(labels[side]);
        if (disc.bottom - disc.top > SMALL) taken.push(disc);
      }
    });
  }

  /** Where a node and its label, on each side, are drawn, in pixels; no labels that cannot be read. */
  boxes(element) {
    const zoom = this.cy.zoom();
    const { x, y } = element.renderedPosition();
    const radius = (element.numericStyle("height") / 2) * zoom;
    const disc = box(x - radius, y - radius, 2 * radius, 2 * radius);
    const letters = element.data("letters") * zoom;
    const least = element.numericStyle("min-zoomed-font-size");
    if (letters < least || !element.numericStyle("text-opacity")) return { labels: null, disc };
    const away = radius + MARGIN * zoom;
    const width = (this.width(element) * letters) / MEASURED + 2 * CLEAR;
    const height = letters * 1.2 + CLEAR;
    const labels = {
      below: box(x - width / 2, y + away, width, height),
      above: box(x - width / 2, y - away - height, width, height),
      right: box(x + away, y - height / 2, width, height),
      left: box(x - away - width, y - height / 2, width, height),
    };
    return { labels, disc };
  }

  width(element) {
    const label = element.data("label");
    const known = this.widths.get(label);
    if (known !== undefined || !this.context) return known ?? 0;
    this.context.font = `${MEASURED}px system-ui, sans-serif`;
    const { width } = this.context.measureText(label);
    this.widths.set(label, width);
    return width;
  }
}

function apart(a, b) {
  return a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
}

function box(left, top, width, height) {
  return { left, right: left + width, top, bottom: top + height };
}
