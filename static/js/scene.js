/**
 * A picture as a list of shapes, which becomes an SVG document or a canvas.
 *
 * Shapes: `{rect: [x, y, width, height], fill}`, `{line: [[x, y], ...], stroke, width}`,
 * `{dot: [x, y, radius], fill, stroke}` and `{text, x, y, size, fill, font, anchor, weight, rtl, width}`;
 * `y` of a text is its middle, and `width` is the width that it fills in a viewer with another font.
 */

import { contextOf } from "./page.js";
import { escapeXml } from "./xml.js";

/**
 * @typedef {object} Shape
 * @property {[number, number, number, number]} [rect]
 * @property {[number, number][]} [line]
 * @property {[number, number, number]} [dot]
 * @property {string} [fill]
 * @property {string} [stroke]
 * @property {number} [width]
 * @property {string} [text]
 * @property {number} [x]
 * @property {number} [y]
 * @property {number} [size]
 * @property {string} [font]
 * @property {"start"|"middle"|"end"} [anchor]
 * @property {number} [weight]
 * @property {boolean} [rtl]
 */

/** @typedef {{width: number, height: number, title: string, shapes: Shape[]}} Scene */

/**
 * @param {Scene} scene
 * @returns {string} an SVG document
 */
export function toSvg({ width, height, title, shapes }) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escapeXml(title)}</title>`,
    ...shapes.map(element),
    "</svg>",
    "",
  ].join("\n");
}

function element(shape) {
  if (shape.rect) {
    const [x, y, width, height] = shape.rect.map(short);
    return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${shape.fill}"/>`;
  }
  if (shape.line) {
    const points = shape.line.map(([x, y]) => `${short(x)},${short(y)}`).join(" ");
    return `<polyline points="${points}" fill="none" stroke="${shape.stroke}" stroke-width="${shape.width}" stroke-linejoin="round"/>`;
  }
  if (shape.dot) {
    const [x, y, radius] = shape.dot.map(short);
    return `<circle cx="${x}" cy="${y}" r="${radius}" fill="${shape.fill}" stroke="${shape.stroke}" stroke-width="1.2"/>`;
  }
  const { text, x, y, size, fill, font, anchor = "start", weight = 400, rtl, width } = shape;
  const direction = rtl ? ' direction="rtl"' : "";
  const length = width ? ` textLength="${short(width)}" lengthAdjust="spacingAndGlyphs"` : "";
  return (
    `<text x="${short(x)}" y="${short(y)}" font-size="${short(size)}" font-family="${escapeXml(font)}" font-weight="${weight}" ` +
    `fill="${fill}" text-anchor="${anchor}" dominant-baseline="central" xml:space="preserve"${direction}${length}>${escapeXml(text)}</text>`
  );
}

/**
 * @param {Scene} scene
 * @param {number} scale
 * @returns {HTMLCanvasElement} drawn `scale` times as large
 */
export function toCanvas({ width, height, shapes }, scale = 2) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = contextOf(canvas);
  context.scale(scale, scale);
  context.lineJoin = "round";
  for (const shape of shapes) draw(context, shape);
  return canvas;
}

function draw(context, shape) {
  if (shape.rect) {
    context.fillStyle = shape.fill;
    context.fillRect(...shape.rect);
  } else if (shape.line) {
    context.strokeStyle = shape.stroke;
    context.lineWidth = shape.width;
    context.beginPath();
    for (const [x, y] of shape.line) context.lineTo(x, y); // the first only moves there
    context.stroke();
  } else if (shape.dot) {
    const [x, y, radius] = shape.dot;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = shape.fill;
    context.fill();
    context.strokeStyle = shape.stroke;
    context.lineWidth = 1.2;
    context.stroke();
  } else {
    const { text, x, y, size, fill, font, anchor = "start", weight = 400, rtl } = shape;
    context.font = `${weight} ${size}px ${font}`;
    context.fillStyle = fill;
    context.direction = rtl ? "rtl" : "ltr";
    context.textAlign = { start: "start", middle: "center", end: "end" }[anchor];
    context.textBaseline = "middle";
    context.fillText(text, x, y);
  }
}

function short(value) {
  return Math.round(value * 100) / 100;
}
