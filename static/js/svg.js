/** Creation of SVG elements. */

const SPACE = "http://www.w3.org/2000/svg";
export const COLOURS = 5;

/**
 * Return a new SVG element with attributes and a text.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} attributes
 * @param {any} text
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function node(tag, attributes = {}, text = null) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== null) element.textContent = text;
  return element;
}

/** Return the CSS class of a patch's colour, by the position of the patch in the global transformer. */
export function colour(position) {
  return position < 1 ? "bos" : `p${(position - 1) % COLOURS}`;
}
