/**
 * A view of a graph as the fragment of an address: `#saved=NAME&node=...`, or with a text of one's
 * own `#z=...&kind=patches&size=300`. Other fields: hidden types, least counts, colour, search,
 * neighbourhood, the chosen node or edge (twice `edge`), and the ends of a path.
 */

import { fieldsOf, putFields, putText, takeNumbers, takeText } from "./link.js";

const WORDS = ["saved", "kind", "colour", "query", "near", "node", "from", "to"];
const NUMBERS = { size: [1, 1500], seed: [0, 2 ** 32 - 1], least: [1, 1e9], edges: [1, 1e9] };
const LISTS = { hidden: 40, edge: 2 };
const CHOICES = { kind: ["patches", "entities"], colour: ["type", "entropy", "bits", "community"] };
const KEYS = new Set([...WORDS, ...Object.keys(NUMBERS), ...Object.keys(LISTS), "text", "z"]);
const LONGEST = 2000; // characters of a name

export async function encodeView(view) {
  const fields = new URLSearchParams();
  if (view.text !== undefined) await putText(fields, view.text);
  putFields(fields, view, [...WORDS, ...Object.keys(NUMBERS)]);
  for (const name of Object.keys(LISTS)) for (const each of view[name] ?? []) fields.append(name, each);
  return fields.toString();
}

/** @throws {Error} with a sentence that says what is wrong */
export async function decodeView(fragment, limit) {
  const fields = fieldsOf(fragment, KEYS);
  const view = {};
  const text = await takeText(fields, limit);
  if (text !== undefined) view.text = text;
  for (const name of WORDS) {
    if (!fields.has(name)) continue;
    view[name] = fields.get(name);
    if (view[name].length > LONGEST || !(CHOICES[name]?.includes(view[name]) ?? true)) throw new Error(`its ${name} is not known here`);
  }
  Object.assign(view, takeNumbers(fields, NUMBERS, new Set(Object.keys(NUMBERS))));
  for (const [name, most] of Object.entries(LISTS)) if (fields.has(name)) view[name] = fields.getAll(name).slice(0, most);
  return view;
}
