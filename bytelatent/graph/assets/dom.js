/** Making elements: text is always text, never markup. */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} attributes `on` has handlers by event; true is an attribute without a
 *   value, and false, null or undefined none at all
 * @param {...any} children elements, texts and lists of them; false, null and undefined are left out
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Names and values. */
export function facts(pairs) {
  return make(
    "dl",
    { class: "gv-facts" },
    pairs
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
  );
}

/** A button that looks like a link and leads to a node or an edge. */
export function linkTo(text, handler, attributes = {}) {
  return make("button", { type: "button", class: "gv-link", dir: "auto", on: { click: handler }, ...attributes }, text);
}
