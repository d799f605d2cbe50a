/** The page `/graph`: shows the graph of a text, or a saved graph. */

import { Viewer } from "../graph/viewer.js";
import { Address } from "./address.js";
import { Files } from "./files.js";
import { decodeView, encodeView } from "./graphlink.js";
import { save } from "./graphsave.js";
import { LineEnds } from "./lineends.js";
import { at, byId as $, findAll, pageData } from "./page.js";
import { post, reach } from "./source.js";
import { byteLength, wellFormed } from "./text.js";

const page = pageData();
const saved = document.getElementById("saved"); // only where there are saved graphs
const fields = {
  text: $("text", HTMLTextAreaElement),
  size: $("size", HTMLSelectElement),
  seed: $("seed", HTMLInputElement),
  kinds: findAll(document, "[name=kind]", HTMLInputElement),
  saved: saved && $("saved", HTMLSelectElement),
};
const lineEnds = new LineEnds(fields.text);
const UNREACHABLE = "The server cannot be reached. What is drawn stays, and can be searched and saved.";
const root = $("viewer");

/** @typedef {{saved?: string, text?: string, kind?: string, size?: number, seed?: number}} Origin what a graph was made of: `saved`, or the rest */

/** @type {Viewer|null} */
let viewer = null;
/** @type {Origin|null} of the graph that is shown */
let made = null;
/** @type {AbortController|null} */
let running = null;

const address = new Address({ read, apply, say, limit: page.limit }, { encodeView, decodeView });

function say(words, wrong = false) {
  $("status").textContent = words;
  $("status").classList.toggle("wrong", wrong);
}

function read() {
  if (!made) return null;
  const view = viewer?.state ?? {};
  if (made.saved === page.first && !Object.keys(view).length) return null;
  return { ...made, ...view };
}

/**
 * Show a view; null for the one that the page starts with.
 * @param {(Origin & import("../graph/viewer.js").ViewState)|null} view
 */
async function apply(view) {
  const { saved, text, kind, size, seed, ...state } = view ?? { saved: page.first };
  if (text !== undefined) {
    fillForm({ text, kind, size, seed });
    const wanted = { text, kind: kind ?? "patches", size, seed };
    if (same(wanted, made)) viewer?.apply(state);
    else await make(wanted, state);
  } else if (saved) {
    if (same({ saved }, made)) viewer?.apply(state);
    else await open(saved, state);
  }
}

function same(wanted, shown) {
  return shown !== null && ["saved", "text", "kind", "size", "seed"].every((key) => wanted[key] === shown[key]);
}

function fillForm({ text, kind = "patches", size, seed }) {
  lineEnds.open(text);
  count();
  for (const box of fields.kinds) if (box.value === kind && !box.disabled) box.checked = true;
  const sizes = [...fields.size.options].map((option) => option.value);
  fields.size.value = sizes.find((each) => Number(each) >= (size ?? 300)) ?? sizes.at(-1) ?? "";
  fields.seed.value = String(seed ?? 0);
}

function form() {
  const size = Number(fields.size.value);
  const seed = Number(fields.seed.value) || 0;
  const kind = fields.kinds.find((box) => box.checked)?.value;
  return { text: wellFormed(lineEnds.text), kind, size: size === 300 ? undefined : size, seed: seed || undefined };
}

/**
 * Ask the server for the graph of a text.
 * @param {Origin & {text: string}} wanted
 */
async function make(wanted, state = {}) {
  const { text, kind, size, seed } = wanted;
  const bytes = byteLength(text);
  if (bytes > page.limit)
    return say(`The text has ${bytes.toLocaleString("en")} bytes; at most ${page.limit.toLocaleString("en")} are accepted.`, true);
  const reason = page.kinds.find((each) => each.kind === kind)?.unavailable;
  if (reason) return say(reason, true);
  const body = { text, kind, ...(size && { max_nodes: size }), ...(seed && { seed }) };
  await load((signal) => post(at("/api/graph"), body, signal, UNREACHABLE), wanted, state);
}

/** Fetch a saved graph. */
async function open(name, state = {}) {
  const found = page.saved.find((each) => each.name === name);
  if (!found) return say(`There is no saved graph called ${name.slice(0, 60)}.`, true);
  const ask = async (signal) => (await reach(found.url, { signal }, UNREACHABLE)).json();
  await load(ask, { saved: name }, state);
}

/** Show the graph that `ask` returns; only the latest request has an effect. */
async function load(ask, origin, state) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  busy(true);
  try {
    const graph = await ask(mine.signal);
    if (running !== mine) return;
    await show(graph, origin, state);
    say((graph.nodes?.length && graph.graph?.note) || "");
    address.tell();
  } catch (error) {
    if (error.name !== "AbortError" && running === mine) say(error.message, true);
  } finally {
    if (running === mine) {
      running = null;
      busy(false);
    }
  }
}

function busy(is) {
  root.classList.toggle("busy", is);
  root.setAttribute("aria-busy", String(is));
  if (is) say("One moment…");
}

async function show(graph, origin, state) {
  if (!graph.nodes?.length) return empty(origin, graph.graph?.note);
  if (!viewer) {
    root.replaceChildren();
    viewer = new Viewer(root, { library: page.library, onChange: (kind) => made && address.changed(kind === "query" ? "text" : kind) });
  }
  made = null; // no new address while the first view is put together
  await viewer.show(graph, state);
  made = origin;
  $("keep").hidden = false;
  const source = page.saved.find((each) => each.name === origin.saved);
  const artifact = $("artifact", HTMLAnchorElement);
  artifact.hidden = !source;
  if (source) artifact.href = source.artifact;
  if (fields.saved) fields.saved.value = source?.name ?? "";
  document.body.dataset.drawn = "yes";
}

/**
 * Show that a graph has no nodes.
 * @param {Origin} origin
 * @param {string} [note] why, where the server knows
 */
function empty(origin, note) {
  viewer = null;
  made = origin;
  $("keep").hidden = true;
  const usual = origin.kind === "entities" ? "No names were found in this text." : "There is nothing to draw: the text is empty.";
  const words = note ?? usual;
  root.replaceChildren(Object.assign(document.createElement("p"), { className: "panel nothing", textContent: words }));
}

function count() {
  const bytes = byteLength(wellFormed(lineEnds.text));
  const size = `${bytes.toLocaleString("en")} of ${page.limit.toLocaleString("en")} bytes`;
  $("typed").textContent = [size, lineEnds.words].filter(Boolean).join(", ");
  $("typed").classList.toggle("wrong", bytes > page.limit);
}

$("make").addEventListener("submit", async (event) => {
  event.preventDefault();
  await make(form());
  address.changed("made");
});
for (const box of fields.kinds) {
  box.addEventListener("change", async () => {
    if (made?.text === undefined) return; // a saved graph is of one kind
    await make(form());
    address.changed("made");
  });
}
fields.text.addEventListener("input", count);
fields.saved?.addEventListener("change", async () => {
  const name = fields.saved?.value;
  if (!name) return;
  await open(name);
  address.changed("made");
});
for (const button of findAll(document, "[data-save]")) {
  button.addEventListener("click", () => {
    if (viewer) save(button.dataset.save ?? "", viewer).catch((error) => say(error.message, true));
  });
}
$("copy-link").addEventListener("click", () => address.copy());
new Files($("make"), $("file", HTMLInputElement), {
  limit: page.limit,
  onText: (text) => {
    lineEnds.open(text);
    count();
    say("");
  },
  onError: (words) => say(words, true),
});
if (fields.kinds.some((box) => box.checked && box.disabled)) {
  const usable = fields.kinds.find((box) => !box.disabled);
  if (usable) usable.checked = true;
}
count();
if (!(await address.start())) await apply(null);
