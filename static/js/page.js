/** Look-ups of elements by the scripts of a page; an element that the template lacks is an error. */

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
 * Return the first element below another that matches a selector.
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
 * Return all elements below another that match a selector; all must be of one kind.
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} [kind] of element; any of HTML unless it is told
 * @returns {Kind[]}
 */
export function findAll(root, selector, kind) {
  return [...root.querySelectorAll(selector)].map((element) => checked(element, selector, kind));
}

/**
 * Return a URL of this app, which begins with a slash, as the visitors of the page see it: behind a
 * proxy the app may be only a part of a site.
 * @param {string} url
 */
export function at(url) {
  return (document.documentElement.dataset.root ?? "") + url;
}

/** Return the JSON value that the server has written into the page for its script. */
export function pageData() {
  return JSON.parse(byId("page-data").textContent);
}

/**
 * Return the innermost element around the target of an event that matches a selector, or null.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement|null}
 */
export function around(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * Return the 2D context of a canvas.
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
 * Return an element after checking that it exists and is of a kind; `name` is for the error.
 * @param {Element|null} element
 * @param {string} name
 * @param {new () => any} [kind]
 * @returns {any}
 */
function checked(element, name, kind = HTMLElement) {
  if (element instanceof kind) return element;
  throw new TypeError(`The page has no ${kind.name} ${name}`);
}
