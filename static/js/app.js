/** The playground: text in, entropies from the server, everything else computed and drawn here. */

import { Address } from "./address.js";
import { Chart } from "./chart.js";
import { Controls } from "./controls.js";
import { Curve } from "./curve.js";
import { Examples } from "./examples.js";
import { save } from "./exports.js";
import { Files } from "./files.js";
import { Inspector, bytesInWords, summary } from "./inspector.js";
import { LineEnds } from "./lineends.js";
import { decodeView, encodeView } from "./link.js";
import { beginning, beginsAlike, measureInParts } from "./longtext.js";
import { byId as $, at, pageData } from "./page.js";
import { onPaper } from "./paper.js";
import { Rows } from "./rows.js";
import { saveMenu } from "./savemenu.js";
import { Source, post } from "./source.js";
import { byteLength, characterAt, describeCharacter, wellFormed } from "./text.js";
import { TextView } from "./textview.js";
import { cutBy, emptyView, fill, mostSurprising } from "./view.js";

const page = pageData();
const fields = {
  text: $("text", HTMLTextAreaElement),
  example: $("example", HTMLSelectElement),
  rule: $("rule", HTMLFormElement),
  place: $("window-at", HTMLInputElement),
};

const lineEnds = new LineEnds(fields.text);

const LONG = 4096; // bytes, from which an answer takes a noticeable time
const PREDICTED = 8192; // bytes, up to which predictions are asked for
const PAUSE = 100; // milliseconds
const view = emptyView();
let name = "text"; // of what is shown, for files
/** @type {string|null} */
let example = null; // its id, if the text is one of them
let choices = 0; // of texts, by whatever way; an example that arrives after a newer one is dropped
/** @type {{from: number, shown: number|null}|null} */
let wantedWindow = null; // of a link, for when its text has been measured
let hovered = -1;
let picked = -1;
let chosen = false; // the picked byte was picked by a person
let frame = 0;
let textTimer = 0;

const chart = new Chart($("chart"), {
  onHover: hover,
  onPick: pick,
  onThreshold: (nats) => controls.setThreshold(nats),
});
const inspector = new Inspector($("inspector"));
const controls = new Controls(fields.rule, {
  rules: page.rules,
  threshold: page.threshold ?? 1.34,
  rise: page.calibration.rise,
  onChange: (kind) => {
    soon();
    address.changed(kind);
  },
});
const curve = new Curve($("curve"), page.calibration, Number(controls.elements.threshold.max));
const textView = new TextView($("patches"), { onHover: hover, onPick: pick, describe: (i) => summary(view, i) });
const rows = new Rows($("compare"), {
  onHover: hover,
  onPick: pick,
  onLack: (text, bytes) => tokens.ask(text, bytes),
});
const source = new Source({
  ask: ({ text, bytes }, signal) => {
    const body = bytes <= PREDICTED ? { text, top_k: page.topK } : { text };
    if (bytes <= LONG) return post(at("/api/patches"), body, signal);
    return measureInParts(at("/api/patches"), body, signal, (lists) => takeBeginning(text, lists));
  },
  onAnswer: (text, answer) => {
    say("");
    take(text, answer);
  },
  onError: (error) => say(error.message, true),
  onBusy: (busy) => $("bench").classList.toggle("busy", busy),
});
const tokens = new Source({
  ask: ({ text }, signal) => post(at("/api/compare"), { text, splitters: rows.asked }, signal),
  onAnswer: (text, { rows: found }) =>
    rows.setTokens(text, Object.fromEntries(found.map((row) => [row.splitter, row.pieces?.map((p) => p.length)]))),
  onError: () => rows.fail(),
  rest: 300, // the rows may follow a little later, and a client may ask so much and no more
});
const examples = new Examples({ first: page.first, url: page.examples });
const ruleNames = page.rules.map((rule) => rule.name);
const address = new Address(
  { read: present, apply: restore, say, limit: page.textLimit },
  { encodeView, decodeView: (fragment, limit) => decodeView(fragment, limit, ruleNames) },
);

/** Show a response of `POST /api/patches` to `text`. */
function take(text, answer) {
  fill(view, text, answer);
  hovered = -1;
  if (picked >= answer.bytes) picked = -1;
  if (picked < 0) {
    picked = mostSurprising(view);
    chosen = false;
  }
  if (wantedWindow) {
    [chart.first, chart.zoom] = [wantedWindow.from, wantedWindow.shown];
    rows.first = wantedWindow.from;
  }
  wantedWindow = null;
  cut();
}

/** Show the beginning of `text`, which has been measured, unless it is shown already or a place behind it is. */
function takeBeginning(text, lists) {
  const data = new TextEncoder().encode(text);
  const { text: begun, answer } = beginning(data, lists);
  const behind = wantedWindow?.from || picked >= answer.bytes;
  if (source.waiting || behind || beginsAlike(view.measured.bytes, data, answer.bytes)) return;
  fill(view, begun, answer);
  view.partial = true;
  hovered = -1;
  if (!chosen) picked = mostSurprising(view);
  cut();
  say(`Measuring ${data.length.toLocaleString("en")} bytes: ${answer.bytes.toLocaleString("en")} so far…`);
}

/** Cut the measured text into patches by the chosen rule, and draw everything. */
function cut() {
  cancelAnimationFrame(frame);
  frame = 0;
  if (!view.all) return;
  cutBy(view, controls.options);
  const { measured, entropies, starts, patchOf } = view;
  const count = measured.bytes.length;
  drawCounts();
  chart.show({ count, entropies, starts, patchOf, labels, threshold: controls.height });
  clearTimeout(textTimer);
  // A long text takes a while to colour; while a slider moves, the chart goes first.
  if (count > LONG && textView.measured === measured) textTimer = setTimeout(colourText, PAUSE);
  else colourText();
  curve.show(view, controls.curve, controls.threshold);
  if (!view.partial) rows.show(view, controls.rules, controls.mode);
}

function colourText() {
  textView.show(view.measured, view.starts, view.patchOf);
  mark();
}

/** Cut the text once at the next frame, however often a slider moves until then. */
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
  $("chart-words").textContent = bytes ? `Entropy of ${bytesInWords(bytes)}, cut into ${patches} patches.` : "No text, no bytes.";
}

/** Return the label below byte `i` in the chart: the character that begins there, or nothing. */
function labels(i) {
  const { character, start } = characterAt(view.measured, i);
  if (i !== start) return "";
  const { glyph, words } = describeCharacter(character);
  return words ? "" : glyph;
}

function hover(i) {
  if (hovered === i) return;
  hovered = i;
  mark();
}

function pick(i) {
  picked = i;
  chosen = true;
  hovered = -1;
  chart.reveal(i);
  rows.reveal(i);
  mark();
  address.changed("look");
}

/** Mark the byte under the pointer, or else the picked byte, in all views. */
function mark() {
  const i = hovered >= 0 && hovered < view.measured.bytes.length ? hovered : picked;
  textView.mark(i);
  chart.mark(i);
  inspector.show(view, i);
  if (!view.partial) rows.mark(i);
}

function say(message, wrong = false) {
  const status = $("status");
  if (status.textContent !== message) status.textContent = message;
  status.classList.toggle("wrong", wrong);
}

function showLength(bytes) {
  const count = `${bytes.toLocaleString("en")} of ${page.textLimit.toLocaleString("en")} bytes`;
  $("typed").textContent = [count, lineEnds.words].filter(Boolean).join(", ");
}

/** Ask the server for the entropies of the text in the field. */
function measureText() {
  const text = wellFormed(lineEnds.text);
  const bytes = byteLength(text);
  showLength(bytes);
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

/** Note that a text of the visitor replaces the example; `called` is its name in files. */
function ownText(called = "text") {
  choices++;
  example = null;
  name = called;
  fields.example.value = "";
  $("patches").lang = "";
  measureText();
}

/** Show an example, unless another text is chosen meanwhile; return whether it exists. */
async function showExample(id) {
  const own = ++choices;
  const found = await examples.find(id);
  if (own !== choices) return true;
  if (!found) {
    say(page.first ? "This example cannot be loaded." : "There are no examples here.", true);
    return false;
  }
  source.cancel();
  say("");
  const { text } = found.request;
  address.settle();
  lineEnds.open(text);
  fields.example.value = id;
  showLength(byteLength(text));
  $("patches").lang = found.lang === "zxx" ? "" : found.lang;
  example = name = id;
  if (found.tokens) rows.setTokens(text, found.tokens);
  take(text, found.response);
  return true;
}

async function chooseExample(id) {
  picked = -1;
  wantedWindow = { from: 0, shown: null };
  if (await showExample(id)) address.changed("example");
}

/** Return the view for a link; null for the view that the page starts with. */
function present() {
  /** @type {import("./link.js").View} */
  const state = { ...controls.state, byte: chosen && picked >= 0 ? picked : undefined };
  if (chart.zoom !== null) state.shown = chart.zoom;
  if (chart.first > 0) state.from = chart.first;
  if (example !== null && example !== page.first?.id) state.example = example;
  else if (example === null) state.text = wellFormed(lineEnds.text);
  return Object.values(state).every((value) => value === undefined) ? null : state;
}

/** Show a view that `present` returned, on this page or in another browser. */
async function restore(state) {
  const { text, example: id = page.first?.id, byte = -1, from = 0, shown = null } = state ?? {};
  controls.restore(state ?? {});
  picked = byte;
  chosen = byte >= 0;
  wantedWindow = { from, shown };
  if (text === undefined && (await showExample(id))) return;
  if (text === undefined && page.first && id !== page.first.id) {
    await showExample(page.first.id);
    say("The link names an example that is not here.", true);
    return;
  }
  lineEnds.open(text ?? "");
  ownText();
}

function drawViewControls({ first, last, count }) {
  const all = last - first >= count;
  $("window").hidden = count <= 16;
  const range = fields.place;
  range.hidden = all;
  range.max = String(Math.max(0, count - (last - first)));
  range.value = String(first);
  range.setAttribute("aria-valuetext", `bytes ${first + 1} to ${last}`);
  $("window-words").textContent = count ? `bytes ${first + 1}–${last} of ${count.toLocaleString("en")}` : "";
  $("zoom-in", HTMLButtonElement).disabled = last - first <= 16;
  $("zoom-out", HTMLButtonElement).disabled = all || last - first >= chart.width;
}

/** Draw everything again that uses the colours of the theme. */
function recolour() {
  chart.recolour();
  rows.recolour();
}

/** @param {string} kind of file */
async function saveAs(kind) {
  if (!view.all) return say("There is nothing to save: no text has been measured yet.", true);
  if (view.partial) return say("There is nothing to save yet: the text is being measured.", true);
  const last = Math.min(view.measured.bytes.length, chart.first + chart.shown);
  const { threshold } = controls.options;
  const counts = [$("count-bytes"), $("count-patches"), $("count-mean")].map((one) => one.textContent);
  const shown = { first: chart.first, last };
  const heading = [
    `${counts[0]} bytes, ${counts[1]} patches, ${counts[2]} bytes per patch`,
    `rule: ${controls.mode}${threshold === null ? "" : ` above ${threshold.toFixed(2)} nats`}`,
    `model: ${page.model ?? "none"}`,
    ...(last - chart.first < view.measured.bytes.length ? [`bytes ${chart.first + 1} to ${last} are shown`] : []),
  ].join(" · ");
  const splits = rows.splits();
  const rule = { ...controls.options, mode: controls.mode };
  const what = { view, name, heading, splits, rule, model: page.model, window: shown, top: chart.top, threshold: controls.height };
  try {
    say(`Saved as ${await save(kind, what)}.`);
  } catch (error) {
    say(error.message, true);
  }
}

function listen() {
  $("text").addEventListener("input", () => {
    ownText();
    address.changed("text");
  });
  fields.example.addEventListener("pointerdown", () => examples.load());
  fields.example.addEventListener("change", () => fields.example.value && chooseExample(fields.example.value));
  fields.place.addEventListener("input", () => {
    chart.setView(Number(fields.place.value));
    address.changed("look");
  });
  const zoom = (factor) => {
    chart.scale(factor, picked);
    address.changed("look");
  };
  $("zoom-in").addEventListener("click", () => zoom(0.5));
  $("zoom-out").addEventListener("click", () => zoom(2));
  $("copy-link").addEventListener("click", () => address.copy());
  saveMenu($("save", HTMLDetailsElement), saveAs);
  addEventListener("themechange", recolour);
  onPaper(recolour);
}

function takeFiles() {
  new Files($("entry"), $("file", HTMLInputElement), {
    limit: page.textLimit,
    onText: (text, called) => {
      address.settle();
      lineEnds.open(text);
      picked = -1;
      wantedWindow = { from: 0, shown: null };
      say("");
      ownText(called);
      address.changed("file");
    },
    onError: (words) => say(words, true),
  });
}

async function start() {
  chart.onView = drawViewControls;
  listen();
  takeFiles();
  $("bench").classList.add("ready");
  const kept = wellFormed(fields.text.value);
  if (!(await address.start())) {
    if (page.first && (kept === page.first.request.text || !kept)) await showExample(page.first.id);
    else ownText(); // the browser has kept what was typed before a reload
    address.tell();
  }
  if (!page.live) say("No model is loaded here; the examples show what it measured.", true);
  examples.loadSoon();
}

start();
