/** The gallery: what the form asks for, fetched while one types; the address follows. */

import { reach } from "./source.js";

const form = document.getElementById("filter");
const found = document.getElementById("found");
const PAUSE = 120; // milliseconds after the last key
const UNREACHABLE = "The server cannot be reached. What is shown stays; typing tries again.";

let timer = 0;
let running = null;

/** Where the server shows what the form asks for; always the first page of it. */
function address() {
  const { q, kind, sort } = form.elements;
  const query = new URLSearchParams();
  if (q.value.trim()) query.set("q", q.value.trim());
  if (kind.value) query.set("kind", kind.value);
  if (sort.value !== "title") query.set("sort", sort.value);
  return query.size ? `/gallery?${query}` : "/gallery";
}

/** Show it; the newest question counts. */
async function show() {
  clearTimeout(timer);
  running?.abort();
  const own = new AbortController();
  running = own;
  const url = address();
  history.replaceState(null, "", url);
  try {
    const response = await reach(url, { signal: own.signal }, UNREACHABLE);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.getElementById("results").replaceWith(page.getElementById("results"));
    found.textContent = page.getElementById("found").textContent;
  } catch (error) {
    if (error.name !== "AbortError") found.textContent = error.message;
  }
}

function start() {
  form.classList.add("live");
  form.addEventListener("input", ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(show, target === form.elements.q ? PAUSE : 0);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
}

if (form) start();
