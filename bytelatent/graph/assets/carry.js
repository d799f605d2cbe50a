/**
 * Dragging a node. The library would draw the whole graph for every step, too slow for a thousand
 * nodes; so the node and its edges are drawn alone, above a drawing that stands still meanwhile.
 */

const SLACK = 3; // pixels that a finger may slip while it taps
const TOLD = 12; // pixels after which the library knows that this is no tap, and need not search what is below

/** @typedef {{line: string, ink: string, panel: string}} Colours */
/** @typedef {{x: number, y: number}} Place */
/**
 * @typedef {object} Held a node that is dragged
 * @property {import("cytoscape").NodeSingular} node
 * @property {DOMRect} box of the drawing
 * @property {[number, number]} from where it was taken, in the window
 * @property {[number, number]} grip from the middle of the node to where it was taken
 * @property {Place|null} at where it is drawn alone, once it has been
 * @property {boolean} told whether the library knows that this is no tap
 */

export class Carrier {
  /** @type {Held|null} */
  held = null;
  /** @type {{context: CanvasRenderingContext2D, ends: (Place & {width: number})[], colours: Colours}|null} */
  lifted = null;
  /** @type {number|null} */
  frame = null;

  /**
   * @param {import("cytoscape").Core} cy the drawing
   * @param {HTMLElement} element its container
   * @param {() => Colours} paint
   */
  constructor(cy, element, paint) {
    this.cy = cy;
    this.element = element;
    this.paint = paint;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "gv-ghost";
    this.element.append(this.canvas);
    cy.autoungrabify(true);
    cy.on("tapstart", "node", ({ target, originalEvent }) => this.take(target, originalEvent));
    this.move = (event) => this.moved(event);
    this.drop = () => this.let();
  }

  take(node, event) {
    if (event.touches?.length > 1) return;
    this.cy.userPanningEnabled(false);
    const box = this.element.getBoundingClientRect();
    const { x, y } = place(event);
    const at = node.renderedPosition();
    this.held = { node, box, from: [x, y], grip: [x - box.left - at.x, y - box.top - at.y], at: null, told: false };
    for (const name of MOVES) addEventListener(name, this.move, { passive: true, capture: true });
    for (const name of ENDS) addEventListener(name, this.drop);
  }

  moved(event) {
    if (!this.held) return;
    const { held } = this;
    const { from, box, grip } = held;
    const { x, y } = place(event);
    const far = Math.hypot(x - from[0], y - from[1]);
    if (held.told) event.stopImmediatePropagation();
    held.told ||= far > TOLD;
    if (!held.at && far < SLACK) return;
    if (!held.at) this.lift(held);
    held.at = { x: x - box.left - grip[0], y: y - box.top - grip[1] };
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  /**
   * Take the node out of the still drawing.
   * @param {Held} held
   */
  lift({ node, box }) {
    const scale = devicePixelRatio;
    this.canvas.width = box.width * scale;
    this.canvas.height = box.height * scale;
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.scale(scale, scale);
    const edges = node.connectedEdges(":visible").toArray();
    const ends = edges.map((edge) => {
      const end = edge.source().same(node) ? edge.target() : edge.source();
      return { ...end.renderedPosition(), width: Math.max(0.7, edge.data("width") * this.cy.zoom()) };
    });
    this.lifted = { context, ends, colours: this.paint() };
    node.addClass("carried");
    node.connectedEdges().addClass("carried");
  }

  draw() {
    this.frame = null;
    if (!this.held?.at || !this.lifted) return;
    const { node, at, box } = this.held;
    const { context, ends, colours } = this.lifted;
    context.clearRect(0, 0, box.width, box.height);
    context.strokeStyle = colours.line;
    context.globalAlpha = 0.6;
    for (const { x, y, width } of ends) {
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(at.x, at.y);
      context.lineTo(x, y);
      context.stroke();
    }
    context.globalAlpha = 1;
    context.fillStyle = node.data("colour");
    context.beginPath();
    const radius = Math.max(5, (node.data("size") * this.cy.zoom()) / 2);
    context.arc(at.x, at.y, radius, 0, 7);
    context.fill();
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "center";
    context.lineWidth = 4;
    context.strokeStyle = colours.panel;
    context.strokeText(node.data("label"), at.x, at.y + radius + 14);
    context.fillStyle = colours.ink;
    context.fillText(node.data("label"), at.x, at.y + radius + 14);
  }

  let() {
    for (const name of MOVES) removeEventListener(name, this.move, { capture: true });
    for (const name of ENDS) removeEventListener(name, this.drop);
    if (!this.held) return;
    const { node, at } = this.held;
    this.held = null;
    this.cy.userPanningEnabled(true);
    if (!at || !this.lifted) return;
    node.renderedPosition(at);
    node.removeClass("carried");
    node.connectedEdges().removeClass("carried");
    this.lifted.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.lifted = null;
  }
}

const MOVES = ["mousemove", "touchmove"];
const ENDS = ["mouseup", "touchend", "touchcancel", "blur"];

function place(event) {
  const { clientX, clientY } = event.touches?.[0] ?? event;
  return { x: clientX, y: clientY };
}
