/** The diagram of the architecture when the patch size changes; app/drawing/architecture_svg.py draws it first. */

import { find, findAll } from "./page.js";
import { COLOURS } from "./svg.js";

const LEFT = 22;
const PITCH = 13;
const SHARE = 60;
const BOX = 48;
const CELL = 18;
const LANES = 98;
const Y = { entropy_model: 24, bytes: 94, encoder_cross: 238, lanes: 328, decoder_cross: 468, predicted: 586 };

const left = (byte) => LEFT + (byte + 1) * PITCH;
const middle = (start, end) => (left(start) + left(end)) / 2;
const number = (value) => String(Math.round(value * 100) / 100);

/** Return the indices of the bytes that start a patch, for patches of `size` bytes on average. */
export function starts(order, size) {
  const count = Math.max(1, Math.floor(order.length / size + 0.5));
  return order.slice(0, count).sort((a, b) => a - b);
}

/** Return the SVG markup that depends on the patch size; it contains no text of a visitor. */
export function live(order, size) {
  const first = starts(order, size);
  const read = Y.encoder_cross + BOX;
  const offered = Y.lanes + LANES;
  const out = [cell(-1, Y.bytes, "bos"), lane(-1, 0, "bos")];
  let last = middle(-1, 0);
  let before = "bos";
  first.forEach((start, patch) => {
    const end = first[patch + 1] ?? order.length;
    const hue = `p${patch % COLOURS}`;
    const centre = middle(start, end);
    out.push(cut(start), lane(start, end, hue));
    for (let byte = start; byte < end; byte++) {
      const x = middle(byte, byte + 1);
      out.push(cell(byte, Y.bytes, hue), wire(x, read, centre, Y.lanes, hue));
      out.push(wire(last, offered, x, Y.decoder_cross, before), cell(byte, Y.predicted, before));
    }
    last = centre;
    before = hue;
  });
  return out.join("");
}

function cut(byte) {
  return `<path class="cut" d="M${left(byte)} ${Y.entropy_model + BOX}V${Y.bytes + CELL + 3}"/>`;
}

function cell(byte, y, hue) {
  return `<rect class="cell ${hue}" x="${left(byte) + 0.5}" y="${y}" width="${PITCH - 1}" height="${CELL}" rx="2"/>`;
}

function lane(start, end, hue) {
  const width = Math.min(22, (end - start) * PITCH - 3);
  const x = number(middle(start, end) - width / 2);
  return `<rect class="lane ${hue}" x="${x}" y="${Y.lanes}" width="${width}" height="${LANES}" rx="3"/>`;
}

function wire(x0, y0, x1, y1, hue) {
  const [a, b, half] = [number(x0), number(x1), number((y0 + y1) / 2)];
  return `<path class="wire ${hue}" d="M${a} ${y0}C${a} ${half} ${b} ${half} ${b} ${y1}"/>`;
}

/** Format a large number for people: 924 M, 1.01 G. */
export function short(value) {
  /** @type {[number, string][]} */
  const units = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ];
  for (const [unit, name] of units) {
    if (value >= 0.9995 * unit) {
      const share = value / unit;
      return `${share.toFixed(share < 9.995 ? 2 : share < 99.95 ? 1 : 0)} ${name}`;
    }
  }
  return value.toFixed(0);
}

export class Diagram {
  /**
   * @param {HTMLElement} root
   * @param {{architecture: {patch_sizes: number[], parts: {key: string, flops: number[]}[]}, text: {order: number[]}}} page
   */
  constructor(root, { architecture, text }) {
    this.root = root;
    this.shape = architecture;
    this.order = text.order;
    this.slider = find(root, "#size", HTMLInputElement);
    this.chart = find(root, ".costs", SVGElement);
    this.slider.addEventListener("input", () => this.show());
    for (const part of findAll(root, "[data-part]", Element)) {
      const key = part.getAttribute("data-part");
      for (const type of ["pointerenter", "focusin"]) part.addEventListener(type, () => this.light(key, true));
      for (const type of ["pointerleave", "focusout"]) part.addEventListener(type, () => this.light(key, false));
    }
    this.show();
  }

  /** Highlight a part in the diagram and in its description. */
  light(key, on) {
    for (const part of this.root.querySelectorAll(`[data-part="${key}"]`)) part.classList.toggle("lit", on);
  }

  show() {
    const sizes = this.shape.patch_sizes;
    const at = Math.round((Number(this.slider.value) - sizes[0]) * 10);
    const size = sizes[at];
    const parts = this.shape.parts;
    const total = parts.reduce((sum, { key, flops }) => sum + (key === "entropy_model" ? 0 : flops[at]), 0);
    find(this.root, "#diagram-live", Element).innerHTML = live(this.order, size);
    for (const { key, flops } of parts) this.cost(key, flops[at], total);
    find(this.root, "#size-value").textContent = size.toFixed(1);
    this.slider.setAttribute("aria-valuetext", `${size.toFixed(1)} bytes per patch, ${short(total)} FLOPs per byte`);
    const [x0, x1] = [Number(this.chart.dataset.left), Number(this.chart.dataset.right)];
    const x = x0 + ((size - sizes[0]) / (sizes[sizes.length - 1] - sizes[0])) * (x1 - x0);
    const now = find(this.root, "#costs-now", Element);
    now.setAttribute("d", (now.getAttribute("d") ?? "").replace(/^M[\d.]+/, `M${number(x)}`));
    this.words(at, total);
  }

  cost(key, flops, total) {
    const named = (name) => find(this.root, `[data-${name}="${key}"]`, Element);
    named("flops").textContent = short(flops);
    named("share").setAttribute("width", number(SHARE * Math.min(1, flops / total)));
    const share = key === "entropy_model" ? "" : ` · ${Math.round((100 * flops) / total)} %`;
    named("cost").textContent = `${short(flops)} FLOPs/byte${share}`;
  }

  /** Show the total FLOPs per byte, and those of the same model with a patch for every byte. */
  words(at, total) {
    const whole = this.shape.parts.reduce((sum, { key, flops }) => sum + (key === "entropy_model" ? 0 : flops[0]), 0);
    const saved = whole / total;
    const line = find(this.root, "#cost-words");
    const strong = document.createElement("strong");
    strong.textContent = `${short(total)} FLOPs`;
    const rest =
      at === 0
        ? ": every byte is a patch, and the large model runs for each of them."
        : `, ${saved.toFixed(1)} times less than with a patch for every byte (${short(whole).replace(" ", "\u00a0")}).`;
    line.replaceChildren("A byte costs ", strong, rest);
  }
}
