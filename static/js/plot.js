/** The drawing of the chart of entropies: a few SVG paths for a text of any length, so typing stays fast. */

import { node } from "./svg.js";
import { COLOURS } from "./textview.js";

const GRID = 1; // nats
const FEWEST = 4; // pixels a byte, below which only the first bytes of patches get a dot

/**
 * Return the drawing as data of SVG paths.
 * @param {import("./chart.js").Data} data
 * @param {{first: number, last: number, x: (place: number) => number, y: (nats: number) => number,
 *   top: number, pixels: number}} frame bytes `first` to `last`; byte `i` is at `x(i)`, and `pixels`
 *   lie between two of them
 */
export function plotted(data, frame) {
  const { entropies, starts, patchOf } = data;
  const { first, last, x, y, pixels } = frame;
  const [floor, ceiling] = [y(0), y(frame.top)];
  const crowded = pixels < FEWEST;
  const bands = Array.from({ length: COLOURS }, () => "");
  const dots = Array.from({ length: COLOURS }, () => "");
  let [edges, curve, others, from, count] = ["", "", "", first, 0];
  for (let i = first; i < last; i++) {
    const point = `${x(i).toFixed(1)} ${y(entropies[i]).toFixed(1)}`;
    curve += `${i === first ? "M" : "L"}${point}`;
    const dot = `M${point}h0`; // a line without length has round ends all the same
    if (starts[i]) dots[patchOf[i] % COLOURS] += dot;
    else if (!crowded) others += dot;
    if (starts[i]) {
      count += 1;
      edges += `M${x(i - 0.5).toFixed(1)} ${ceiling}V${floor}`;
    }
    if (i + 1 < last && !starts[i + 1]) continue;
    const [left, right] = [x(from - 0.5).toFixed(1), x(i + 0.5).toFixed(1)];
    bands[patchOf[from] % COLOURS] += `M${left} ${ceiling}H${right}V${floor}H${left}z`;
    from = i + 1;
  }
  const tooMany = count > ((last - first) * pixels) / 6;
  return { bands, edges: tooMany ? "" : edges, curve, dots, others, crowded };
}

/** An SVG that is drawn again and again. */
export class Plot {
  /** @param {HTMLElement} root gets the drawing */
  constructor(root) {
    this.svg = node("svg", { "aria-hidden": "true" });
    root.replaceChildren(this.svg);
  }

  draw(data, frame, colours) {
    const { width, height, left, right, top, y, pixels } = frame;
    const { bands, edges, curve, dots, others, crowded } = plotted(data, frame);
    const round = (d, colour, size, name) =>
      node("path", { d, class: name, fill: "none", stroke: colour, "stroke-width": size, "stroke-linecap": "round" });
    const line = (d, colour, size, name) =>
      node("path", { d, class: name, fill: "none", stroke: colour, "stroke-width": size, "stroke-linejoin": "round" });
    const outline = crowded ? 0 : 0.6; // pixels on each side
    const start = crowded ? 4 : Math.min(8, pixels + 1);
    const other = Math.min(5, pixels);
    /** @type {SVGElement[]} */
    const shapes = bands.map((d, k) => node("path", { d, class: "band", fill: colours.pale[k] }));
    for (let nats = 0; nats <= top; nats += GRID) {
      const at = y(nats).toFixed(1);
      shapes.push(line(`M${left} ${at}H${width - right}`, colours.grid, 1, "grid"));
      shapes.push(node("text", { x: left - 6, y: at, dy: "0.35em", "text-anchor": "end" }, nats));
    }
    const middle = (y(0) + y(top)) / 2;
    shapes.push(
      node("text", { transform: `translate(14 ${middle}) rotate(-90)`, "text-anchor": "middle" }, "entropy (nats)"),
      line(edges, colours.edge, 1, "edges"),
      line(curve, colours.curve, crowded ? 1.2 : 1.6, "curve"),
    );
    if (!crowded) {
      shapes.push(round(others, colours.curve, other + 2 * outline, "outline"));
      shapes.push(round(dots.join(""), colours.curve, start + 2 * outline, "outline"));
      shapes.push(round(others, colours.panel, other - 2 * outline, "dots"));
    }
    for (const [k, d] of dots.entries()) shapes.push(round(d, colours.strong[k], start - 2 * outline, "dots"));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.replaceChildren(...shapes.filter((shape) => shape.getAttribute("d") !== ""));
  }
}
