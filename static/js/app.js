/** The page: text in, entropies from the server, patches computed here, everything drawn. */

import { Chart } from "./chart.js";
import { Controls } from "./controls.js";
import { Inspector, bytesInWords, summary } from "./inspector.js";
import { patchStarts } from "./rules.js";
import { Source } from "./source.js";
import { byteLength, characterAt, describeCharacter, measure, wellFormed } from "./text.js";
import { TextView } from "./textview.js";

const page = JSON.parse(document.getElementById("page-data").textContent);
const $ = (id) => document.getElementById(id);

const view = {
  measured: measure(""),
  tokens: [1],
  entropies: new Float64Array(0),
  nats: [],
  predictions: null,
  bits: null,
  starts: new Uint8Array(0),
  patchOf: new Uint32Array(0),
  patchLengths: [],
};
const LONG = 4096; // bytes, from which an answer takes a noticeable time
const PAUSE = 100; // milliseconds
let hovered = -1;
let picked = -1;
let frame = 0;
let textTimer = 0;

const chart = new Chart($("chart"), {
  onHover: hover,
  onPick: (i) => pick(i),
  onThreshold: (nats) => controls.setThreshold(nats),
});
const inspector = new Inspector($("inspector"));
const controls = new Controls($("rule"), { threshold: page.threshold ?? 1.34, onChange: soon });
const textView = new TextView($("patches"), {
  onHover: hover,
  onPick: pick,
  describe: (i) => summary(view, i),
});
const source = new Source({
  topK: page.topK,
  onAnswer: (text, answer) => {
    say("");
    take(text, answer);
  },
  onError: (error) => say(error.message, true),
  onBusy: (busy) => $("bench").classList.toggle("busy", busy),
});

/** Take an answer of the server: `text` is what it was asked about. */
function take(text, answer) {
  view.measured = measure(text);
  view.tokens = answer.tokens;
  view.all = Float64Array.from(answer.entropies);
  view.entropies = view.all.subarray(0, answer.bytes);
  view.nats = answer.nats;
  view.predictions = answer.predictions ?? null;
  view.bits = answer.bits_per_byte;
  hovered = -1;
  if (picked >= answer.bytes) picked = -1;
  if (picked < 0) picked = mostSurprising();
  cut();
}

/** Cut what is there by the rule that is chosen, and draw it. */
function cut() {
  cancelAnimationFrame(frame);
  frame = 0;
  if (!view.all) return;
  const { mode, ...options } = controls.options;
  const count = view.measured.bytes.length;
  const starts = patchStarts(mode, view.tokens, view.all, options).subarray(1, count + 1);
  const patchOf = new Uint32Array(count);
  const lengths = [];
  for (let i = 0; i < count; i++) {
    if (starts[i]) lengths.push(0);
    lengths[lengths.length - 1]++;
    patchOf[i] = lengths.length - 1;
  }
  Object.assign(view, { starts, patchOf, patchLengths: lengths });
  drawCounts();
  chart.show({ count, entropies: view.entropies, starts, patchOf, labels, threshold: controls.height });
  clearTimeout(textTimer);
  // A long text takes a while to colour; while a slider moves, the chart goes first.
  if (count > LONG && textView.measured === view.measured) textTimer = setTimeout(colourText, PAUSE);
  else colourText();
}

function colourText() {
  textView.show(view.measured, view.starts, view.patchOf);
  mark();
}

/** Cut at the next frame, once, however often a slider moves until then. */
function soon() {
  frame ||= requestAnimationFrame(cut);
}

function drawCounts() {
  const bytes = view.measured.bytes.length;
  const patches = view.patchLengths.length;
  $("count-bytes").textContent = bytes.toLocaleString("en");
  $("count-patches").textContent = patches.toLocaleString("en");
  $("count-mean").textContent = patches ? (bytes / patches).toFixed(2) : "–";
  $("count-bits").textContent = view.bits === null ? "–" : view.bits.toFixed(2);
  $("chart-words").textContent = bytes
    ? `Entropy of ${bytesInWords(bytes)}, cut into ${patches} patches.`
    : "No text, no bytes.";
}

/** What stands below byte `i` in the chart: its character at its first byte. */
function labels(i) {
  const { character, start } = characterAt(view.measured, i);
  if (i !== start) return "";
  const { glyph, words } = describeCharacter(character);
  return words ? "" : glyph;
}

function mostSurprising() {
  let best = view.nats.length ? 0 : -1;
  for (let i = 1; i < view.nats.length; i++) if (view.nats[i] > view.nats[best]) best = i;
  return best;
}

function hover(i) {
  if (hovered === i) return;
  hovered = i;
  mark();
}

function pick(i) {
  picked = i;
  hovered = -1;
  chart.reveal(i);
  mark();
}

/** Show the byte that is pointed at, or else the one that was picked. */
function mark() {
  const i = hovered >= 0 && hovered < view.measured.bytes.length ? hovered : picked;
  textView.mark(i);
  chart.mark(i);
  inspector.show(view, i);
}

function say(message, wrong = false) {
  const status = $("status");
  if (status.textContent !== message) status.textContent = message;
  status.classList.toggle("wrong", wrong);
}

function typed() {
  const text = wellFormed($("text").value);
  const bytes = byteLength(text);
  $("typed").textContent = `${bytes.toLocaleString("en")} of ${page.textLimit.toLocaleString("en")} bytes`;
  if (bytes > page.textLimit) {
    source.cancel();
    say(`This text is too long: ${bytes.toLocaleString("en")} bytes. Remove some to go on.`, true);
    return;
  }
  if (!page.live) {
    say("No model is loaded here, so a new text cannot be measured. The examples still work.", true);
    return;
  }
  if (bytes > LONG) say(`Measuring ${bytes.toLocaleString("en")} bytes…`);
  source.ask(text, bytes);
}

let examples = page.first ? { [page.first.id]: page.first } : {};
let loading = null;

/** All examples; the first one came with the page. */
function loadExamples() {
  loading ??= fetch(page.examples)
    .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
    .then((file) => {
      examples = Object.fromEntries(file.examples.map((example) => [example.id, example]));
    })
    .catch(() => (loading = null));
  return loading;
}

async function showExample(id) {
  if (!examples[id]) await loadExamples();
  const example = examples[id];
  if (!example) return say("The examples cannot be loaded.", true);
  source.cancel();
  say("");
  const { text } = example.request;
  $("text").value = text;
  $("typed").textContent = `${byteLength(text).toLocaleString("en")} of ${page.textLimit.toLocaleString("en")} bytes`;
  $("patches").lang = example.lang === "zxx" ? "" : example.lang;
  picked = -1;
  chart.zoom = null;
  chart.first = 0;
  take(text, example.response);
}

function drawViewControls({ first, last, count }) {
  const all = last - first >= count;
  $("window").hidden = count <= 16;
  const range = $("window-at");
  range.hidden = all;
  range.max = Math.max(0, count - (last - first));
  range.value = first;
  range.setAttribute("aria-valuetext", `bytes ${first + 1} to ${last}`);
  $("window-words").textContent = count ? `bytes ${first + 1}–${last} of ${count.toLocaleString("en")}` : "";
  $("zoom-in").disabled = last - first <= 16;
  $("zoom-out").disabled = all || last - first >= chart.width;
}

function start() {
  chart.onView = drawViewControls;
  const text = $("text");
  text.addEventListener("input", () => {
    $("example").value = "";
    typed();
  });
  $("example").addEventListener("pointerdown", loadExamples);
  $("example").addEventListener("focus", loadExamples);
  $("example").addEventListener("change", (event) => event.target.value && showExample(event.target.value));
  $("window-at").addEventListener("input", (event) => chart.setView(Number(event.target.value)));
  $("zoom-in").addEventListener("click", () => chart.scale(0.5, picked));
  $("zoom-out").addEventListener("click", () => chart.scale(2, picked));
  addEventListener("themechange", () => chart.recolour());
  $("bench").classList.add("ready");
  const kept = wellFormed(text.value);
  if (page.first && (kept === page.first.request.text || !kept)) showExample(page.first.id);
  else typed(); // the browser has kept what was typed before a reload
  if (!page.live) say("No model is loaded here; the examples show what it measured.", true);
}

start();
