/** The page `/model`: the diagram of the architecture with a slider, and a text inspected byte by byte. */

import { Address } from "./address.js";
import { ByteView, summary, wholeTable } from "./byteview.js";
import { Diagram } from "./diagram.js";
import { Examples } from "./examples.js";
import { replaceText } from "./field.js";
import { decodeView, encodeView } from "./insidelink.js";
import { at, byId as $, find, pageData } from "./page.js";
import { Score } from "./score.js";
import { Source, post } from "./source.js";
import { byteLength, measure, wellFormed } from "./text.js";

const page = pageData();
const fields = {
  text: $("text", HTMLTextAreaElement),
  example: $("example", HTMLSelectElement),
  size: $("size", HTMLInputElement),
  at: $("at", HTMLInputElement),
  head: $("head", HTMLSelectElement),
  all: $("all", HTMLDetailsElement),
};
const EXPECTED = 3;
const KEPT = "inside";
const SIZE = page.architecture.patch_sizes[page.size]; // that the machine is drawn at first

const diagram = new Diagram($("machine"), page);
const score = new Score($("scroller"), { onHover: hover, onPick: pick });
const details = new ByteView($("byte"));
const source = new Source({
  ask: ({ text }, signal) => post(at("/api/inspect"), { text, heads: page.heads, top_k: EXPECTED }, signal),
  onAnswer: (text, answer) => {
    say("");
    show(text, answer);
  },
  onError: (error) => say(error.message, true),
  onBusy: (busy) => $("follow").classList.toggle("busy", busy),
});

const address = new Address({ read: present, apply: restore, say, limit: page.limit }, { encodeView, decodeView });

/** @type {ReturnType<typeof viewOf>} view of the inspected text, set when there is one */
let view;
/** @type {{example?: string, text?: string}} inspected example or text */
let content = {};
let usual = 0; // the byte that was chosen when that came
let picked = 0;
/** @type {number|null} head of cross-attention; null for the mean of all heads */
let head = null;
let choices = 0; // of texts; an example that arrives after a newer one is dropped
const examples = new Examples({ first: page.first, url: page.examples });

/** Return a response of `POST /api/inspect` for the drawing; arrays have one entry per token, BOS first. */
function viewOf(text, answer) {
  return {
    measured: measure(text),
    count: answer.bytes,
    threshold: answer.threshold,
    entropies: answer.entropies,
    nats: answer.nats,
    patches: answer.patches,
    complete: answer.patch_lengths.length - 1,
    readInto: answer.read_into,
    predictedFrom: answer.predicted_from,
    readers: readers(answer.predicted_from),
    hashes: answer.hashes,
    functions: 1 + Math.max(0, ...answer.hashes.map((table) => table.function)),
    encoder: answer.encoder_attention,
    decoder: answer.decoder_attention,
    predictions: answer.predictions ?? null,
  };
}

/** Return the ranges of columns, `from` up to `to`, that are predicted from the same patch. */
function readers(predictedFrom) {
  /** @type {{source: number, from: number, to: number}[]} */
  const runs = [];
  predictedFrom.forEach((patch, token) => {
    const last = runs.at(-1);
    if (last && last.source === patch) last.to = token + 2;
    else runs.push({ source: patch, from: token + 1, to: token + 2 });
  });
  return runs;
}

function show(text, answer) {
  view = viewOf(text, answer);
  $("follow").hidden = view.count === 0;
  if (!view.count) return;
  offerHeads();
  score.show(view, head);
  if (picked >= view.count) picked = 0;
  fields.at.max = String(view.count);
  $("scroller").scrollLeft = 0;
  fillTable();
  point(picked);
}

function offerHeads() {
  const heads = [...new Set(view.decoder.map((map) => map.head))];
  if (!heads.includes(head)) head = null;
  $("head-choice").hidden = heads.length < 2;
  fields.head.replaceChildren(...heads.map((each) => new Option(each === null ? "mean of all" : `head ${each}`, String(each ?? ""))));
  fields.head.value = String(head ?? "");
}

function mark(i) {
  score.mark(i);
  details.show(view, i, head);
  $("line").textContent = summary(view, i);
}

function hover(i) {
  if (view) mark(i < 0 ? picked : i);
}

function pick(i) {
  point(i);
  changed("look");
}

function point(i) {
  if (!view?.count) return;
  picked = Math.min(view.count - 1, Math.max(0, i));
  fields.at.value = String(picked + 1);
  fields.at.setAttribute("aria-valuetext", summary(view, picked));
  mark(picked);
  score.reveal(picked);
}

/** Return the first byte of the next patch after byte `i`, or backwards of its own or the previous one. */
function nextPatch(i, direction) {
  const starts = view.patches.map(({ start }) => start);
  return direction > 0 ? (starts.find((start) => start > i) ?? i) : (starts.findLast((start) => start < i) ?? 0);
}

function walk(event) {
  if (!view || event.ctrlKey || event.metaKey || event.altKey) return;
  const targets = {
    ArrowRight: picked + 1,
    ArrowLeft: picked - 1,
    PageDown: nextPatch(picked, 1),
    PageUp: nextPatch(picked, -1),
    Home: 0,
    End: view.count - 1,
  };
  if (!(event.key in targets)) return; // up and down scroll the page, or step the slider
  event.preventDefault();
  pick(targets[event.key]);
}

function fillTable() {
  if (fields.all.open) find(fields.all, ".wide").replaceChildren(wholeTable(view, head));
}

function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", wrong);
}

/** Inspect the text in the field; return false if that is not possible. */
function follow() {
  choices++;
  const text = wellFormed(fields.text.value);
  const bytes = byteLength(text);
  const long = bytes > page.limit;
  $("typed").textContent = `${bytes} of ${page.limit} bytes`;
  $("typed").classList.toggle("wrong", long);
  fields.example.value = "";
  if (long) {
    source.cancel();
    say(`The drawing takes ${page.limit} bytes at most; it shows the text as it was before.`, true);
  } else if (page.live) {
    content = { text };
    usual = 0;
    source.ask(text, bytes);
    return true;
  } else say("No BLT is loaded here; the examples show what one made of them.", true);
  return false;
}

/**
 * Show an inspected example; return false if it cannot be loaded.
 * @param {string} id
 * @param {number} [byte] that is chosen
 */
async function example(id, byte) {
  const own = ++choices;
  const found = await examples.find(id);
  if (own !== choices) return true;
  if (found) {
    address.settle();
    showExample(found, byte);
  } else say("This example cannot be fetched now. Choosing it again tries once more.", true);
  return Boolean(found);
}

/**
 * @param {import("./examples.js").Example} found
 * @param {number} [byte] that is chosen
 */
function showExample({ id, request, response }, byte) {
  source.cancel();
  content = { example: id };
  usual = response.patches[1]?.start ?? 0;
  picked = byte ?? usual;
  fields.example.value = id;
  replaceText(fields.text, request.text);
  $("typed").textContent = `${response.bytes} of ${page.limit} bytes`;
  $("typed").classList.remove("wrong");
  if (page.live) say("");
  show(request.text, response);
}

/** Return the view for a link; null for the view that the page starts with. */
function present() {
  const { example: id, text } = content;
  const size = Number(fields.size.value);
  const own = Object.entries({
    text,
    example: id === page.first?.id ? undefined : id,
    byte: picked === usual ? undefined : picked,
    head: head ?? undefined,
    size: size === SIZE ? undefined : size,
  }).filter(([, value]) => value !== undefined);
  return own.length ? Object.fromEntries(own) : null;
}

/** Show a view that `present` returned, on this page or in another browser. */
async function restore(state) {
  const { text, example: id = page.first?.id, byte, head: wanted = null, size = SIZE } = state ?? {};
  keep(state);
  head = wanted;
  fields.size.value = String(size);
  diagram.show();
  if (text !== undefined) {
    picked = byte ?? 0;
    replaceText(fields.text, text);
    follow();
  } else if ([...fields.example.options].some((option) => option.value && option.value === id)) await example(id, byte);
  else if (id) say("The link names an example that is not here.", true);
}

function changed(kind) {
  keep(present());
  address.changed(kind);
}

/** Store the view as long as the tab is open, because another model is another page. */
function keep(state) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(state));
  } catch {
    /* storage may be closed to us; then the first example is shown again */
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  } catch {
    return null;
  }
}

async function start() {
  if (page.first) showExample(page.first);
  if (!(await address.start()) && !address.broken && !history.state && kept()) {
    await restore(kept());
    address.changed("look");
  }
  examples.loadSoon();
}

fields.text.addEventListener("input", () => follow() && changed("text"));
fields.example.addEventListener("pointerdown", () => examples.load());
fields.example.addEventListener("change", async () => {
  const { value } = fields.example;
  if (value && (await example(value))) changed("example");
});
fields.size.addEventListener("input", () => changed("number"));
$("copy-link").addEventListener("click", () => address.copy());
fields.at.addEventListener("input", () => pick(Number(fields.at.value) - 1));
fields.at.addEventListener("keydown", walk);
$("scroller").addEventListener("keydown", walk);
$("back").addEventListener("click", () => pick(picked - 1));
$("on").addEventListener("click", () => pick(picked + 1));
fields.all.addEventListener("toggle", fillTable);
fields.head.addEventListener("change", () => {
  head = fields.head.value === "" ? null : Number(fields.head.value);
  score.show(view, head);
  fillTable();
  mark(picked);
  changed("head");
});

start();
