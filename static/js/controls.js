/** The form of the patching rule and its numbers. */

import { find, findAll } from "./page.js";

const WORDS = {
  entropy: "A patch starts where the entropy of the next byte is above the threshold.",
  topk: "The bytes with the highest entropy start patches, as many as the wanted mean length asks for.",
  monotonic: "A patch starts where entropy rises by more than the threshold from one byte to the next.",
  combined: "A patch starts where entropy is above the threshold and has risen by more than the second number.",
  space: "A patch ends after each space or sign; entropy plays no part.",
  static: "Every patch has the same number of bytes; entropy plays no part.",
  byte: "Every byte is a patch of its own, as in a plain byte model.",
};

/** Numbers that each rule needs. */
const NEEDS = {
  entropy: ["threshold"],
  topk: ["size"],
  monotonic: ["threshold"],
  combined: ["threshold", "add"],
  space: [],
  static: ["size"],
  byte: [],
};

/** Number of bytes that means in a link that patches have no longest length. */
const ANY = 512;

/** Rules whose threshold is a height in the chart. */
const ON_CHART = new Set(["entropy", "combined"]);

/**
 * @typedef {object} Elements of the form, by their names
 * @property {RadioNodeList} mode
 * @property {HTMLInputElement} threshold
 * @property {HTMLInputElement} exact
 * @property {HTMLInputElement} add
 * @property {HTMLInputElement} size
 * @property {HTMLInputElement} longest
 */

export class Controls {
  /**
   * @param {HTMLFormElement} form
   * @param {{threshold: number, rise: number, onChange: (kind: string) => void}} options both
   *   thresholds are the model's own; `kind` is "rule" or "number"
   */
  constructor(form, { threshold, rise, onChange }) {
    this.form = form;
    this.elements = /** @type {Elements & HTMLFormControlsCollection} */ (form.elements);
    this.onChange = onChange;
    // A rise is smaller than a height: each kind of rule keeps a threshold of its own.
    this.own = { height: threshold, rise };
    this.thresholds = { ...this.own };
    this.mode = this.elements.mode.value || "entropy";
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", ({ target }) => target instanceof HTMLInputElement && this.changed(target));
    find(form, "#own").addEventListener("click", () => this.setThreshold(this.own[this.kind]));
    this.apply();
  }

  get kind() {
    return this.mode === "monotonic" ? "rise" : "height";
  }

  get threshold() {
    return this.thresholds[this.kind];
  }

  /**
   * Mode and options of the chosen rule, for rules.js.
   * @returns {import("./rules.js").Options & {mode: string, threshold: number|null}}
   */
  get options() {
    return {
      mode: this.mode === "topk" ? "entropy" : this.mode,
      threshold: NEEDS[this.mode].includes("threshold") ? this.threshold : null,
      thresholdAdd: Math.max(0, Number(this.elements.add.value) || 0),
      patchSize: this.mode === "static" ? this.wholeSize : this.size,
      maxPatchLength: this.longest,
    };
  }

  get size() {
    return Math.max(1, Number(this.elements.size.value) || 1);
  }

  get wholeSize() {
    return Math.max(1, Math.floor(this.size));
  }

  /** The model's own longest patch, or null. */
  get ownLongest() {
    return Number(this.elements.longest.defaultValue) || null;
  }

  get longest() {
    const { value } = this.elements.longest;
    const longest = Math.floor(Number(value));
    return value !== "" && longest >= 1 ? longest : null;
  }

  /** Options of each rule of the comparison, with the numbers of the form. */
  get rules() {
    const maxPatchLength = this.longest;
    return {
      entropy: { mode: "entropy", threshold: this.thresholds.height, maxPatchLength },
      monotonic: { mode: "monotonic", threshold: this.thresholds.rise, maxPatchLength },
      space: { mode: "space", maxPatchLength },
      static: { mode: "static", patchSize: this.wholeSize, maxPatchLength },
    };
  }

  /**
   * Settings that differ from their default, by their names in links.
   * @returns {import("./link.js").View}
   */
  get state() {
    const { elements } = this;
    const changed = (value, usual) => (value === usual ? undefined : value);
    return {
      rule: changed(this.mode, "entropy"),
      threshold: changed(this.thresholds.height, this.own.height),
      rise: changed(this.thresholds.rise, this.own.rise),
      add: changed(Number(elements.add.value), Number(elements.add.defaultValue)),
      size: changed(this.size, Number(elements.size.defaultValue)),
      longest: changed(this.longest, this.ownLongest) === undefined ? undefined : (this.longest ?? ANY),
    };
  }

  /**
   * Set the form to an earlier value of `state`, without a call of `onChange`.
   * @param {import("./link.js").View} view
   */
  restore({ rule = "entropy", threshold, rise, add, size, longest }) {
    const { elements } = this;
    this.mode = rule;
    elements.mode.value = rule;
    this.thresholds = { height: threshold ?? this.own.height, rise: rise ?? this.own.rise };
    elements.add.value = String(add ?? elements.add.defaultValue);
    elements.size.value = String(size ?? elements.size.defaultValue);
    elements.longest.value = String(longest ?? this.ownLongest ?? "");
    this.apply();
  }

  /** What the threshold is compared with; null if there is no calibration curve for the rule. */
  get curve() {
    /** @type {Record<string, "height"|"rise">} */
    const kinds = { entropy: "height", monotonic: "rise" };
    return kinds[this.mode] ?? null;
  }

  /** The threshold as a height in the chart, or null. */
  get height() {
    return ON_CHART.has(this.mode) ? this.threshold : null;
  }

  /** @param {number} nats */
  setThreshold(nats) {
    this.thresholds[this.kind] = nats;
    this.apply();
    this.onChange("number");
  }

  /** @param {HTMLInputElement} input */
  changed(input) {
    if (input.name === "mode") this.mode = input.value;
    if (input.name === "threshold" || input.name === "exact") {
      const nats = Number(input.value);
      if (input.value === "" || !Number.isFinite(nats) || nats < 0) return;
      this.thresholds[this.kind] = nats;
    }
    this.apply(input);
    this.onChange(input.name === "mode" ? "rule" : "number");
  }

  /**
   * Write the settings to the form, except to `source`, which the visitor is editing.
   * @param {HTMLInputElement|null} source
   */
  apply(source = null) {
    const { elements } = this;
    for (const block of findAll(this.form, "[data-needs]")) {
      block.hidden = !NEEDS[this.mode].includes(block.dataset.needs);
    }
    const words = find(this.form, "#mode-words");
    if (words.textContent !== WORDS[this.mode]) words.textContent = WORDS[this.mode];
    if (elements.threshold !== source) elements.threshold.value = String(this.threshold);
    if (elements.exact !== source) elements.exact.value = this.threshold.toFixed(2);
    elements.threshold.setAttribute("aria-valuetext", `${this.threshold.toFixed(2)} nats`);
    find(this.form, "#own").hidden = Math.abs(this.threshold - this.own[this.kind]) < 0.005;
    find(this.form, "#threshold-name").textContent = this.kind === "rise" ? "Rise that starts a patch" : "Threshold";
    find(this.form, "#size-name").textContent = this.mode === "static" ? "Bytes per patch" : "Wanted bytes per patch";
    elements.size.step = this.mode === "static" ? "1" : "0.1";
  }
}
