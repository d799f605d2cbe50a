/** The gallery: fetches the matching cards while the visitor types, and updates the address. */

import { at, byId } from "./page.js";
import { reach } from "./source.js";

const PAUSE = 120; // milliseconds after the last key
const UNREACHABLE = "The server cannot be reached. What is shown stays; typing tries again.";

let timer = 0;
/** @type {AbortController|null} */
let running = null;

/**
 * Return the URL of the first page that matches the form.
 * @param {Record<string, any>} elements of the form
 */
function address({ q, kind, sort }) {
  const query = new URLSearchParams();
  if (q.value.trim()) query.set("q", q.value.trim());
  if (kind.value) query.set("kind", kind.value);
  if (sort.value !== "title") query.set("sort", sort.value);
  return at(query.size ? `/gallery?${query}` : "/gallery");
}

/**
 * Fetch and show the cards that match the form; only the latest request has an effect.
 * @param {HTMLFormElement} form
 */
async function show(form) {
  clearTimeout(timer);
  running?.abort();
  const own = new AbortController();
  running = own;
  const url = address(form.elements);
  history.replaceState(null, "", url);
  try {
    const response = await reach(url, { signal: own.signal }, UNREACHABLE);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const [results, found] = [page.getElementById("results"), page.getElementById("found")];
    if (!results || !found) throw new Error(UNREACHABLE);
    byId("results").replaceWith(results);
    byId("found").textContent = found.textContent;
  } catch (error) {
    if (error.name !== "AbortError") byId("found").textContent = error.message;
  }
}

/** @param {HTMLFormElement} form */
function start(form) {
  const { q } = /** @type {Record<string, any>} */ (form.elements);
  form.classList.add("live");
  form.addEventListener("input", ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(() => show(form), target === q ? PAUSE : 0);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(form);
  });
}

if (document.getElementById("filter")) start(byId("filter", HTMLFormElement)); // not where there is nothing to filter
