/**
 * A request to generate text as the fragment of an address: `#recorded=german-drafts`, or a prompt
 * with its options, `#text=Once&temperature=0.5&speculate=8`. Missing options have their default.
 */

import { fieldsOf, putFields, putText, takeNumbers, takeText } from "./link.js";

const NUMBERS = {
  max_bytes: [1, 1e6],
  temperature: [0, 10],
  top_k: [1, 260],
  top_p: [0.01, 1],
  min_p: [0, 1],
  seed: [0, Number.MAX_SAFE_INTEGER],
  speculate: [1, 64],
};
const WHOLE = new Set(["max_bytes", "top_k", "seed", "speculate"]);
const KEYS = new Set(["recorded", "text", "z", ...Object.keys(NUMBERS)]);

export async function encodeView(view) {
  const fields = new URLSearchParams();
  if (view.recorded !== undefined) fields.set("recorded", view.recorded);
  else if (view.text !== undefined) await putText(fields, view.text);
  putFields(fields, view, Object.keys(NUMBERS));
  return fields.toString();
}

/** @throws {Error} with a sentence that says what is wrong */
export async function decodeView(fragment, limit) {
  const fields = fieldsOf(fragment, KEYS);
  if (fields.has("recorded")) return { recorded: fields.get("recorded") };
  const view = { text: (await takeText(fields, limit)) ?? "" };
  if (fields.get("speculate") === "auto") {
    view.speculate = "auto";
    fields.delete("speculate");
  }
  return { ...view, ...takeNumbers(fields, NUMBERS, WHOLE) };
}
