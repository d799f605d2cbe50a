/** The page `/generate`: sends a prompt to the server and shows every byte as it arrives. */

import { Address } from "./address.js";
import { AskForm } from "./askform.js";
import { decodeView, encodeView } from "./asklink.js";
import { Bars } from "./bars.js";
import { MadeInspector, summary } from "./byteinspector.js";
import { Examples } from "./examples.js";
import { bytesInWords } from "./inspector.js";
import { Made, rateOf } from "./made.js";
import { MadeText } from "./madetext.js";
import { plainTwin, showPace } from "./pace.js";
import { around, at, byId as $, find, pageData } from "./page.js";
import { Player } from "./player.js";
import { Rounds } from "./rounds.js";
import { ask } from "./sse.js";
import { byteLength } from "./text.js";

const page = pageData();
const still = matchMedia("(prefers-reduced-motion: reduce)");
const form = $("ask", HTMLFormElement);
const fields = {
  prompt: $("prompt", HTMLTextAreaElement),
  recorded: $("recorded", HTMLSelectElement),
  speed: $("speed", HTMLSelectElement),
  place: $("place", HTMLInputElement),
};
const NO_MODEL = "No model that makes text is loaded here; recorded texts play.";
const ENDS = {
  eos: "the model ended the document",
  stop: "a stop text came",
  length: "as many bytes as were asked for",
  time: "the time for one text is over",
};

let made = new Made();
let view = made.upTo(0);
/** @type {AbortController|null} */
let running = null; // of the request under way
let choices = 0; // of texts, by whatever way; a recorded one that arrives after a newer one is dropped
let stepping = false; // the next text begins paused
/** @type {number|null} */
let plainRate = null; // bytes per second of the last text made here without drafts
let hovered = -1;
let picked = -1;

const handlers = { onHover: hover, onPick: pick };
const text = new MadeText($("made"), $("ghosts"), { ...handlers, describe: (i) => summary(view, i) });
const bars = new Bars($("bars"), { ...handlers, top: 4.5 });
const rounds = new Rounds($("rounds"));
const inspector = new MadeInspector($("inspector"));
const player = new Player({ onShow: draw, onState: drawState });
const traces = new Examples({ first: page.first, url: page.traces, key: "traces" });
const asking = new AskForm(form, fields.prompt);
const address = new Address({ read: present, apply: restore, say, limit: page.promptLimit }, { encodeView, decodeView });

/** Draw all parts of the page for the events that the player shows. */
function draw() {
  const before = view.events.length;
  view = made.upTo(player.shown);
  const count = view.events.length;
  if (picked >= count) picked = -1;
  if (hovered >= count) hovered = -1;
  text.showMade(view);
  text.showGhosts(ghosts());
  bars.show(view, made.done ? made.events.length : (made.request?.max_bytes ?? 0));
  rounds.show(made.rounds(player.shown));
  drawCounts();
  drawMachine(before);
  drawState();
  mark();
  if (count !== before) $("flow").scrollTop = $("flow").scrollHeight;
}

function ghosts() {
  const next = made.events[player.shown];
  if (player.drafting) return { pending: [next.token, ...next.draft].slice(0, player.drafting) };
  const round = made.roundOf(player.shown - 1);
  if (!round || (player.atEnd && !made.open)) return {};
  const out = player.shown - 1 - round.first;
  return { kept: round.draft.slice(out, round.accepted), refused: round.draft.slice(round.accepted) };
}

function drawCounts() {
  const { rate, flops, plain } = view;
  const set = (name, words) => {
    $(`count-${name}`).textContent = words;
  };
  set("bytes", view.events.length.toLocaleString("en"));
  set("patches", view.patches.toLocaleString("en"));
  set("passes", view.passes.toLocaleString("en"));
  set("rate", rate === null ? "–" : Math.round(rate).toLocaleString("en"));
  set("flops", flops === null ? "–" : short(flops));
  set("plain", plain === null ? "–" : short(plain));
  $("share").textContent = plain ? `, ${Math.round((100 * flops) / plain)} % of plain` : "";
  showPace(made, rate);
}

function short(number) {
  /** @type {[number, string][]} */
  const units = [
    [1e12, " T"],
    [1e9, " G"],
    [1e6, " M"],
    [1e3, " k"],
  ];
  const [size, unit] = units.find(([from]) => number >= from) ?? [1, ""];
  return (number / size).toPrecision(3) + unit;
}

/** Highlight the parts of the model that worked on the newest bytes. */
function drawMachine(before) {
  const newest = Math.max(0, view.events.length - 1);
  const resting = player.atEnd && !made.open;
  const fresh = view.events.slice(resting ? newest : Math.min(before, newest));
  const ran = fresh.some((event) => event.global_ran);
  const drafting = player.drafting > 0;
  const busy = (part, on) => find(document, `#machine [data-part=${part}]`, Element).classList.toggle("on", on);
  busy("global", ran && !drafting);
  busy("entropy", fresh.length > 0 && !drafting);
  for (const part of ["encoder", "decoder"]) busy(part, fresh.length > 0 || drafting);
  const { passes, events } = view;
  $("lamp-words").textContent = events.length
    ? `The global model ran ${passes} times for ${bytesInWords(events.length)}.`
    : "The global model has not run yet.";
}

function drawPlace() {
  const range = fields.place;
  range.max = String(made.events.length);
  range.value = String(player.shown);
  range.setAttribute("aria-valuetext", `${player.shown} of ${made.events.length} bytes`);
  $("place-words").textContent = `${player.shown} of ${made.events.length}`;
}

function drawState() {
  const middle = player.shown < made.events.length;
  $("replay").textContent = player.playing ? "Pause" : middle && player.shown > 0 ? "Play" : "Replay";
  enable($("replay"), made.events.length > 0);
  enable($("step"), made.events.length > 0 || page.live);
  enable($("stop"), running !== null || player.playing);
  enable($("go"), page.live);
  $("bench").classList.toggle("busy", running !== null);
  drawPlace();
}

/** Enable or disable a button by ARIA alone, so that a disabled button keeps the focus. */
function enable(button, on) {
  button.setAttribute("aria-disabled", String(!on));
}

function able(button) {
  return button.getAttribute("aria-disabled") !== "true";
}

function hover(i) {
  if (hovered === i) return;
  hovered = i;
  mark();
}

function pick(i) {
  picked = i;
  hovered = -1;
  mark();
}

/** Mark the byte under the pointer, or else the picked byte, or else the newest. */
function mark() {
  const newest = view.events.length - 1;
  const i = hovered >= 0 ? hovered : picked >= 0 ? picked : newest;
  text.mark(i);
  bars.mark(i);
  inspector.showMade(view, i, i < 0 ? "" : origin(view.events[i]));
}

function origin({ index }) {
  const round = made.roundOf(index);
  if (!round) return "made on its own";
  if (round.first === index) return `first of a round that drafted ${round.drafted} more`;
  return `drafted, and kept: number ${index - round.first} of ${round.drafted}`;
}

function say(message, wrong = false) {
  const status = $("status");
  if (status.textContent !== message) status.textContent = message;
  status.classList.toggle("wrong", wrong);
}

/** Show another generated text from its beginning. */
function open(next, options) {
  made = next;
  picked = -1;
  hovered = -1;
  $("before").textContent = next.prompt;
  $("before").classList.toggle("none", !next.prompt);
  $("model").textContent = next.model ? `made by ${next.model}` : "";
  player.load(next, options);
}

/** Request a generated text and show it as it arrives. */
async function generate() {
  if (!page.live) return say("No model is loaded here. Recorded texts still play.", true);
  if (!form.reportValidity() || !drawTyped()) return;
  halt();
  const own = new AbortController();
  running = own;
  const wanted = asking.request();
  const next = Object.assign(new Made(wanted.prompt), { open: true, request: wanted, plainRate });
  fields.recorded.value = "";
  $("made").lang = "";
  open(next, { following: !stepping });
  $("flow").scrollIntoView({ block: "nearest" }); // below the form on a narrow screen
  say("Waiting for the model…");
  try {
    for await (const { event, data } of ask(at("/api/generate"), wanted, own.signal)) take(next, event, data);
    if (next.open) throw new Error("The server ended in the middle. What came before it stays.");
  } catch (error) {
    next.open = false;
    if (made === next && error.name !== "AbortError") say(error.message, true);
  }
  if (running === own) running = null;
  if (made === next) player.ended();
}

function take(next, event, data) {
  if (event === "byte") {
    next.push(data);
    if (made !== next) return;
    if (next.events.length === 1) say("Making the text…");
    if (stepping) {
      stepping = false;
      player.step();
    } else player.grown();
    return;
  }
  next.open = false;
  if (event === "done") {
    Object.assign(next, { done: data, model: data.model });
    if (next.request.speculate === undefined) plainRate = rateOf(next.events) ?? plainRate;
  }
  if (made !== next) return;
  player.ended();
  if (event === "problem") return say(data.detail, true);
  $("model").textContent = `made by ${data.model}`;
  say(`Done: ${bytesInWords(data.bytes)} in ${data.patches} patches; ${ENDS[data.finish]}.`);
  $("told").textContent = `The text: ${data.text}`;
}

function stop() {
  if (running) {
    running.abort();
    running = null;
    made.open = false;
    const count = bytesInWords(made.events.length);
    say(`Stopped after ${count}.`);
    player.seek(made.events.length);
  } else player.pause();
  drawState();
}

function step() {
  stepping = false;
  if (made.events.length) return player.step();
  stepping = true;
  generate();
}

function replay() {
  if (player.playing) player.pause();
  else if (made.events.length) player.play();
}

/** @param {string} code language tag of the text, for screen readers */
function setLanguage(code) {
  $("made").lang = code;
  $("before").lang = code;
}

/** Cancel the current request and drop its text. */
function halt() {
  choices++;
  running?.abort();
  running = null;
}

/** Show a recorded text, unless another is chosen meanwhile; return whether it exists. */
async function showTrace(id) {
  const own = ++choices;
  const trace = await traces.find(id);
  if (own !== choices) return true;
  if (!trace) {
    say("The recorded texts cannot be loaded.", true);
    return false;
  }
  halt();
  fields.recorded.value = ""; // what is to be written is the typed request, though the list has moved on
  address.settle();
  fields.recorded.value = id;
  fill(trace.request);
  const { events, ...done } = trace.response;
  const next = Object.assign(new Made(trace.request.prompt), { events, done, request: trace.request, recorded: true });
  next.plainRate = plainTwin(trace, [...traces.byId.values()]);
  next.model = `${done.model}, recorded`;
  setLanguage(trace.lang === "zxx" ? "" : trace.lang);
  open(next, { shown: still.matches ? events.length : 0 });
  say(`Recorded: ${bytesInWords(done.bytes)} in ${done.patches} patches.`);
  if (!still.matches) player.play();
  return true;
}

function fill(asked) {
  asking.fill(asked);
  drawTyped();
}

/** Return the request for a link; null for the request that the page starts with. */
function present() {
  const id = fields.recorded.value;
  if (id) return id === page.first?.id ? null : { recorded: id };
  return asking.view();
}

/** Show a request that `present` returned; the text itself is generated when the visitor asks for it. */
async function restore(state) {
  const { recorded = page.first?.id, text: prompt, ...options } = state ?? {};
  if (prompt === undefined && recorded) {
    fields.recorded.value = recorded;
    if (await showTrace(recorded)) return;
    if (page.first) await showTrace(page.first.id);
    fields.recorded.value = page.first?.id ?? "";
    return say("The link names a recorded text that is not here.", true);
  }
  halt();
  fields.recorded.value = "";
  setLanguage("");
  fill({ prompt: prompt ?? "", ...options });
  open(new Made(asking.prompt), {});
  say(page.live ? "The prompt and its options are set. Generate makes the text." : NO_MODEL, !page.live);
}

function drawTyped() {
  const bytes = byteLength(asking.prompt);
  const fits = bytes <= page.promptLimit;
  $("typed").textContent = `${bytes.toLocaleString("en")} of ${page.promptLimit.toLocaleString("en")} bytes`;
  $("typed").classList.toggle("wrong", !fits);
  if (!fits) say("This prompt is too long.", true);
  return fits;
}

async function start() {
  listen();
  open(made, {});
  drawTyped();
  if (page.live) say("");
  if (!(await address.start())) {
    if (page.first) await showTrace(page.first.id);
    if (!page.live) say(NO_MODEL, true);
    address.tell();
  }
  $("bench").classList.add("ready");
}

function listen() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    stepping = false;
    generate();
  });
  // A field in a closed part cannot take the focus to say what is wrong with it.
  const reveal = (event) => around(event, "details")?.setAttribute("open", "");
  form.addEventListener("invalid", reveal, true);
  for (const [id, action] of Object.entries({ stop, step, replay })) {
    $(id).addEventListener("click", () => able($(id)) && action());
  }
  form.addEventListener("input", ({ target }) => {
    if (target === fields.recorded) return;
    choices++;
    fields.recorded.value = "";
    if (target === fields.prompt) drawTyped();
    address.changed(target === fields.prompt ? "text" : /** @type {HTMLInputElement} */ (target).name);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    if (event.key === "Escape" && able($("stop"))) stop();
  });
  addEventListener("load", () => setTimeout(() => traces.load(), 1500)); // then they play without a network
  fields.recorded.addEventListener("pointerdown", () => traces.load());
  fields.recorded.addEventListener("focus", () => traces.load());
  fields.recorded.addEventListener("change", async () => {
    const { value } = fields.recorded;
    if (value && (await showTrace(value))) address.changed("recorded");
  });
  $("copy-link").addEventListener("click", () => address.copy("this prompt and its options"));
  const setSpeed = () => {
    player.perSecond = Number(fields.speed.value);
  };
  fields.speed.addEventListener("change", setSpeed);
  setSpeed();
  fields.place.addEventListener("input", () => player.seek(Number(fields.place.value)));
}

start();
