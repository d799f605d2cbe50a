/** The form of the page that makes text: what it asks for, and how a recorded text or a link fills it. */

import { wellFormed } from "./text.js";

const NUMBERS = ["max_bytes", "temperature", "top_k", "top_p", "min_p", "seed"];
const OPTIONS = [...NUMBERS, "speculate"];

export class AskForm {
  /**
   * @param {HTMLFormElement} form
   * @param {HTMLTextAreaElement} field the prompt's
   */
  constructor(form, field) {
    this.elements = /** @type {Record<string, any>} */ (form.elements); // inputs and a select
    this.field = field;
  }

  get prompt() {
    return wellFormed(this.field.value);
  }

  /** What stands in an option, as a number where it is one; undefined for nothing. */
  option(name) {
    const { value } = this.elements[name];
    if (value === "") return undefined;
    return NUMBERS.includes(name) || value !== "auto" ? Number(value) : value;
  }

  /** As `POST /api/generate` takes it. */
  request() {
    return { prompt: this.prompt, ...Object.fromEntries(OPTIONS.map((name) => [name, this.option(name)])) };
  }

  /** As links have it: options that can be used and are not those of the page as it begins. */
  view() {
    const own = OPTIONS.filter((name) => {
      const { value, validity } = this.elements[name];
      return validity.valid && value !== this.usual(name);
    });
    return { text: this.prompt, ...Object.fromEntries(own.map((name) => [name, this.option(name) ?? ""])) };
  }

  usual(name) {
    return this.elements[name].defaultValue ?? "";
  }

  /** Put a request into the form; options that it does not name are as usual. */
  fill(asked) {
    this.field.value = asked.prompt;
    for (const name of OPTIONS) this.elements[name].value = asked[name] ?? this.usual(name);
  }
}
