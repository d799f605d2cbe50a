/** The page `/training`: runs, axis and smoothing that the visitor chooses, with charts and tables. */

import { Chooser, tintOf } from "./chooser.js";
import { Follower } from "./follow.js";
import { byId as $, pageData } from "./page.js";
import { Panels } from "./panels.js";
import { sizeInWords } from "./scales.js";
import { BySource } from "./sources.js";

const page = pageData();
const form = $("controls", HTMLFormElement);
const fields = /** @type {{axis: RadioNodeList} & Record<"smooth"|"logx"|"logy", HTMLInputElement>} */ (
  /** @type {unknown} */ (form.elements)
);

/**
 * The state of the page and of its address; `names` is null until the visitor has chosen runs.
 * @type {{names: string[]|null, axis: string, smooth: number, logX: boolean, logY: boolean,
 *   low: number|null, high: number|null}}
 */
const state = { names: null, axis: "bytes", smooth: 2, logX: false, logY: false, low: null, high: null };

const follower = new Follower({
  live: page.local,
  onChange: soon,
  onTrouble: (error) => {
    $("trouble").textContent = error ? `${error.message} The page goes on trying.` : "";
  },
});
const chooser = new Chooser($("runs"), { onChoose: choose, since: (moment) => follower.since(moment) });
const panels = new Panels($("panels"), { onCursor: cursor, onZoom: zoom });
const bySource = new BySource($("by-source"), { onCursor: cursor, onZoom: zoom });
let frame = 0;

/** Draw once at the next frame. */
function soon() {
  if (!frame) frame = requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  const { items } = follower;
  const names = chosen();
  if (names.join() !== follower.names.join()) ask(); // a run has come or gone
  $("none").hidden = items.length > 0 || !follower.answered;
  if (follower.answered) chooser.show(items, names, (name) => follower.get(name));
  const runs = items
    .filter(({ name }) => names.includes(name))
    .map(({ name }) => follower.get(name))
    .filter(Boolean)
    .map((run) => ({ ...run, tint: tintOf(run.name) }));
  const view = { ...state, words: wordsOf(state.axis) };
  panels.show(runs, view);
  bySource.show(runs, view);
  $("whole").hidden = state.low === null && state.high === null;
  const settled = runs.length > 0 || (follower.answered && !items.length) || follower.failures > 0;
  if (settled) document.documentElement.classList.add("ready"); // what was drawn without us may go
  document.body.dataset.drawn = runs.length ? "yes" : "";
}

function wordsOf(axis) {
  if (axis === "bytes") return sizeInWords;
  return (step) => `step ${Math.round(step).toLocaleString("en")}`;
}

/** Return the chosen runs; before a choice the shipped runs and the local runs written last. */
function chosen() {
  if (state.names) return state.names;
  const { items } = follower;
  const shipped = items.filter(({ source }) => source === "shipped");
  // A run that made a shipped model has the very curves of it.
  const local = items.filter(({ source, size }) => source === "local" && !shipped.some((run) => run.size === size));
  local.sort((a, b) => b.modified.localeCompare(a.modified));
  return [...shipped, ...local.slice(0, 3)].map(({ name }) => name);
}

function choose(names) {
  state.names = names;
  changed();
}

/**
 * @param {number|null} x
 * @param {import("./curves.js").CurveChart} [speaker]
 */
function cursor(x, speaker) {
  panels.mark(x, speaker);
  bySource.mark(x, speaker);
}

function zoom(low, high) {
  state.low = low;
  state.high = high;
  changed();
}

/** Handle a choice: write it to the address, request missing curves, and draw. */
function changed() {
  const kept = new URLSearchParams();
  if (state.names) kept.set("runs", state.names.join(","));
  if (state.axis !== "bytes") kept.set("axis", state.axis);
  if (state.smooth !== 2) kept.set("smooth", String(state.smooth));
  if (state.logX) kept.set("logx", "1");
  if (state.logY) kept.set("logy", "1");
  if (state.low !== null) kept.set("from", String(Math.round(state.low)));
  if (state.high !== null) kept.set("to", String(Math.round(state.high)));
  const address = kept.size ? `#${kept}` : location.pathname;
  history.replaceState(null, "", address);
  ask();
  soon();
}

function ask() {
  const query = new URLSearchParams();
  if (state.low !== null || state.high !== null) {
    query.set("axis", state.axis);
    if (state.low !== null) query.set("from", String(Math.max(0, Math.floor(state.low))));
    if (state.high !== null) query.set("to", String(Math.ceil(state.high)));
  }
  follower.want(chosen(), query.size ? `?${query}` : "");
}

function readAddress() {
  const kept = new URLSearchParams(location.hash.slice(1));
  const number = (name) => {
    const value = Number(kept.get(name));
    return kept.has(name) && Number.isFinite(value) && value >= 0 ? value : null;
  };
  state.names = kept.get("runs")?.split(",").filter(Boolean) ?? null;
  state.axis = kept.get("axis") === "step" ? "step" : "bytes";
  state.smooth = Math.min(10, number("smooth") ?? 2);
  state.logX = kept.get("logx") === "1";
  state.logY = kept.get("logy") === "1";
  state.low = number("from");
  state.high = number("to");
  const { axis, smooth, logx, logy } = fields;
  axis.value = state.axis;
  smooth.value = String(state.smooth);
  logx.checked = state.logX;
  logy.checked = state.logY;
  sayHowSmooth();
}

function sayHowSmooth() {
  const words = state.smooth ? `${state.smooth} % of the width on either side` : "none";
  $("smooth-words").textContent = words;
  fields.smooth.setAttribute("aria-valuetext", words);
}

function start() {
  readAddress();
  form.addEventListener("input", () => {
    const { axis, smooth, logx, logy } = fields;
    if (axis.value !== state.axis) Object.assign(state, { low: null, high: null }); // a window of another unit
    state.axis = axis.value;
    state.smooth = Number(smooth.value);
    state.logX = logx.checked;
    state.logY = logy.checked;
    sayHowSmooth();
    changed();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  $("whole").addEventListener("click", () => zoom(null, null));
  addEventListener("hashchange", () => {
    readAddress();
    ask();
    soon();
  });
  ask();
}

start();
