/**
 * The view of an inspected text as the fragment of an address: `#example=german&byte=12`,
 * or with a text of one's own `#text=the+cat&head=1&size=9`. `byte` is the chosen one, `head` that of
 * cross-attention (without it, their mean), `size` the bytes per patch of the diagram.
 */

import { fieldsOf, putFields, putText, takeNumbers, takeText } from "./link.js";

const NUMBERS = { byte: [0, 1e6], head: [0, 1000], size: [1, 64] };
const WHOLE = new Set(["byte", "head"]);
const KEYS = new Set(["example", "text", "z", ...Object.keys(NUMBERS)]);

export async function encodeView(view) {
  const fields = new URLSearchParams();
  if (view.text !== undefined) await putText(fields, view.text);
  putFields(fields, view, ["example", ...Object.keys(NUMBERS)]);
  return fields.toString();
}

/** @throws {Error} with a sentence that says what is wrong */
export async function decodeView(fragment, limit) {
  const fields = fieldsOf(fragment, KEYS);
  const text = await takeText(fields, limit);
  return {
    ...(text !== undefined && { text }),
    ...(fields.has("example") && { example: fields.get("example") }),
    ...takeNumbers(fields, NUMBERS, WHOLE),
  };
}
