/** The form of the page `/generate`: its request, and filling it from a recorded text or a link. */

import { replaceText } from "./field.js";
import { wellFormed } from "./text.js";

const NUMBERS = ["max_bytes", "temperature", "top_k", "top_p", "min_p", "seed"];
const OPTIONS = [...NUMBERS, "speculate"];

export class AskForm {
  /**
   * @param {HTMLFormElement} form
   * @param {HTMLTextAreaElement} field field of the prompt
   */
  constructor(form, field) {
    this.elements = /** @type {Record<string, any>} */ (form.elements); // inputs and a select
    this.field = field;
  }

  get prompt() {
    return wellFormed(this.field.value);
  }

  /** Return the value of an option, as a number if it is one; undefined if it is empty. */
  option(name) {
    const { value } = this.elements[name];
    if (value === "") return undefined;
    return NUMBERS.includes(name) || value !== "auto" ? Number(value) : value;
  }

  /** Return the body of the request to `POST /api/generate`. */
  request() {
    return { prompt: this.prompt, ...Object.fromEntries(OPTIONS.map((name) => [name, this.option(name)])) };
  }

  /** Return the request for a link: the usable options that differ from their default. */
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

  /** Fill the form with a request; options that the request lacks get their default. */
  fill(asked) {
    replaceText(this.field, asked.prompt);
    for (const name of OPTIONS) this.elements[name].value = asked[name] ?? this.usual(name);
  }
}
