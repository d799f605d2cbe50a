/** The form of the patching rule and its numbers. */

import { find, findAll } from "./page.js";

/**
 * @typedef {object} Rule a patching rule, as the server describes it
 * @property {string} name
 * @property {string} words where a patch starts
 * @property {string[]} needs names of its numbers
 * @property {"height"|"rise"|null} compares what its threshold is compared with
 * @property {boolean} calibrated its threshold is all that it needs
 * @property {boolean} wholeSize its size is a whole number of bytes
 * @property {boolean} compared it has a row in the comparison
 */

/** Number of bytes that means in a link that patches have no longest length. */
const ANY = 512;

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
   * @param {{rules: Rule[], threshold: number, rise: number, onChange: (kind: string) => void}} options
   *   the first rule is the one that the page begins with; both thresholds are the model's own;
   *   `kind` is "rule" or "number"
   */
  constructor(form, { rules, threshold, rise, onChange }) {
    this.form = form;
    this.elements = /** @type {Elements & HTMLFormControlsCollection} */ (form.elements);
    this.known = new Map(rules.map((rule) => [rule.name, rule]));
    this.first = rules[0];
    this.onChange = onChange;
    // A rise is smaller than a height: each kind of rule keeps a threshold of its own.
    this.own = { height: threshold, rise };
    this.thresholds = { ...this.own };
    this.mode = this.elements.mode.value || this.first.name;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", ({ target }) => target instanceof HTMLInputElement && this.changed(target));
    find(form, "#own").addEventListener("click", () => this.setThreshold(this.own[this.kind]));
    this.apply();
  }

  /** The rule that is chosen. */
  get rule() {
    return this.known.get(this.mode) ?? this.first;
  }

  get kind() {
    return kindOf(this.rule);
  }

  get threshold() {
    return this.thresholds[this.kind];
  }

  /**
   * Mode and options of the chosen rule, for rules.js.
   * @returns {import("./rules.js").Options & {mode: string, threshold: number|null}}
   */
  get options() {
    return this.optionsOf(this.rule);
  }

  /**
   * A rule with the numbers that are set here.
   * @param {Rule} rule
   */
  optionsOf(rule) {
    return {
      mode: rule.name,
      threshold: rule.needs.includes("threshold") ? this.thresholds[kindOf(rule)] : null,
      thresholdAdd: Math.max(0, Number(this.elements.add.value) || 0),
      patchSize: rule.wholeSize ? this.wholeSize : this.size,
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
    const compared = [...this.known.values()].filter((rule) => rule.compared);
    return Object.fromEntries(compared.map((rule) => [rule.name, this.optionsOf(rule)]));
  }

  /**
   * Settings that differ from their default, by their names in links.
   * @returns {import("./link.js").View}
   */
  get state() {
    const { elements } = this;
    const changed = (value, usual) => (value === usual ? undefined : value);
    return {
      rule: changed(this.mode, this.first.name),
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
  restore({ rule = this.first.name, threshold, rise, add, size, longest }) {
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
    return this.rule.calibrated ? this.rule.compares : null;
  }

  /** The threshold as a height in the chart, or null. */
  get height() {
    return this.rule.compares === "height" ? this.threshold : null;
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
    const { elements, rule } = this;
    for (const block of findAll(this.form, "[data-needs]")) {
      block.hidden = !rule.needs.includes(block.dataset.needs ?? "");
    }
    const words = find(this.form, "#mode-words");
    if (words.textContent !== rule.words) words.textContent = rule.words;
    if (elements.threshold !== source) elements.threshold.value = String(this.threshold);
    if (elements.exact !== source) elements.exact.value = this.threshold.toFixed(2);
    elements.threshold.setAttribute("aria-valuetext", `${this.threshold.toFixed(2)} nats`);
    find(this.form, "#own").hidden = Math.abs(this.threshold - this.own[this.kind]) < 0.005;
    find(this.form, "#threshold-name").textContent = this.kind === "rise" ? "Rise that starts a patch" : "Threshold";
    find(this.form, "#size-name").textContent = rule.wholeSize ? "Bytes per patch" : "Wanted bytes per patch";
    elements.size.step = rule.wholeSize ? "1" : "0.1";
  }
}

/**
 * Which of the two thresholds a rule takes.
 * @param {Rule} rule
 */
function kindOf(rule) {
  return rule.compares ?? "height";
}
