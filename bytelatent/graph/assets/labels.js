/**
 * Which labels are written: where two would overlap, that of what is chosen, then of what is lit, then
 * of the more frequent node, whose disc others leave free as well. Letters stop growing at a size that
 * is easily read, so there is room for more of them when one comes nearer. What is too small to be read
 * is left out here, since the library rounds zooms up to powers of two.
 */

const CLEAR = 2; // pixels between labels
const SETTLED = 60; // milliseconds after the last change; labels do not flicker while one zooms
const LARGE = 16; // pixels of letters, at most
const SMALL = 12; // pixels of discs that may stand on a label
const MEASURED = 100; // pixels of the letters whose widths are kept

export class Labels {
  /** @param {object} cy the drawing; @param {object[]} nodes of the graph, the most frequent first */
  constructor(cy, nodes) {
    Object.assign(this, { cy, nodes, timer: 0, widths: new Map() });
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
    const weight = (element) => 2 * element.hasClass("picked") + element.hasClass("lit");
    const elements = this.nodes.map((node) => this.cy.$id(node.id)).sort((a, b) => weight(b) - weight(a));
    const taken = [];
    this.cy.batch(() => {
      for (const element of elements) {
        if (!element.visible()) continue;
        const letters = Math.min(element.data("most"), LARGE / this.cy.zoom());
        if (letters !== element.data("letters")) element.data("letters", letters);
        const { label, disc } = this.boxes(element);
        const written = label !== null && taken.every((other) => apart(label, other));
        element.toggleClass("unwritten", !written);
        if (written) taken.push(label);
        if (disc.bottom - disc.top > SMALL) taken.push(disc);
      }
    });
  }

  /** Where a node and its label are drawn, in pixels; null for one that cannot be read. */
  boxes(element) {
    const zoom = this.cy.zoom();
    const { x, y } = element.renderedPosition();
    const around = (half, top, bottom) => ({ left: x - half, right: x + half, top, bottom });
    const radius = (element.numericStyle("height") / 2) * zoom;
    const disc = around(radius, y - radius, y + radius);
    const letters = element.data("letters") * zoom;
    const least = element.numericStyle("min-zoomed-font-size");
    if (letters < least || !element.numericStyle("text-opacity")) return { label: null, disc };
    const top = y + radius + element.numericStyle("text-margin-y") * zoom;
    const half = (this.width(element) * letters) / MEASURED / 2 + CLEAR;
    return { label: around(half, top, top + letters * 1.2 + CLEAR), disc };
  }

  width(element) {
    const label = element.data("label");
    if (!this.widths.has(label)) {
      this.context.font = `${MEASURED}px system-ui, sans-serif`;
      this.widths.set(label, this.context.measureText(label).width);
    }
    return this.widths.get(label);
  }
}

function apart(a, b) {
  return a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
}
