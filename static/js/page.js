/** What a script needs of its page, found once and checked: a template that lacks it fails at once. */

/**
 * The element with an id.
 * @template {Element} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind] of element; any of HTML unless it is told
 * @returns {Kind}
 * @throws {TypeError} the page has none, or one of another kind
 */
export function byId(id, kind) {
  return checked(document.getElementById(id), `#${id}`, kind);
}

/**
 * The first element below another that a selector names.
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} [kind] of element; any of HTML unless it is told
 * @returns {Kind}
 * @throws {TypeError} there is none, or one of another kind
 */
export function find(root, selector, kind) {
  return checked(root.querySelector(selector), selector, kind);
}

/**
 * All elements below another that a selector names, which are all of one kind.
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} [kind] of element; any of HTML unless it is told
 * @returns {Kind[]}
 */
export function findAll(root, selector, kind) {
  return [...root.querySelectorAll(selector)].map((element) => checked(element, selector, kind));
}

/** What the server has written into the page for its script. */
export function pageData() {
  return JSON.parse(byId("page-data").textContent);
}

/**
 * The innermost element around what an event happened to that a selector names, or null.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement|null}
 */
export function around(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * The context of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 * @throws {Error} the browser has no memory for it
 */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot draw a picture of that size.");
  return context;
}

/**
 * @param {Element|null} element
 * @param {string} name
 * @param {new () => any} [kind]
 * @returns {any}
 */
function checked(element, name, kind = HTMLElement) {
  if (element instanceof kind) return element;
  throw new TypeError(`The page has no ${kind.name} ${name}`);
}
