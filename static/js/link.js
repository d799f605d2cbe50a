/**
 * A view of the playground as the fragment of an address, which browsers do not send to the server.
 *
 * `#example=german&rule=space&byte=12`, or with a text of one's own `#z=...` (deflated, base64url)
 * or, where that would be longer or the browser cannot, `#text=...`. A view is
 * `{text} or {example}, and rule, threshold, rise, add, size, longest, byte, from, shown`, all optional.
 */

const NUMBERS = {
  threshold: [0, 6],
  rise: [0, 6],
  add: [0, 6],
  size: [1, 64],
  longest: [1, 512],
  byte: [0, 1e6],
  from: [0, 1e6],
  shown: [1, 1e6],
};
const WHOLE = new Set(["longest", "byte", "from", "shown"]);
const KEYS = new Set(["example", "text", "z", "rule", ...Object.keys(NUMBERS)]);

/**
 * @typedef {object} View what a link to the playground holds
 * @property {string} [example] its id
 * @property {string} [text]
 * @property {string} [rule]
 * @property {number} [threshold] nats
 * @property {number} [rise] nats
 * @property {number} [add] nats
 * @property {number} [size] bytes per patch
 * @property {number} [longest] bytes of a patch
 * @property {number} [byte] that is picked
 * @property {number} [from] first byte of the chart
 * @property {number} [shown] bytes of the chart
 */

/** Return whether a fragment encodes a view; other fragments name an element of the page. */
export function isLink(fragment) {
  return fragment.includes("=");
}

/**
 * @param {View} view
 * @returns {Promise<string>} the fragment, without "#"; empty for a view without anything
 */
export async function encodeView(view) {
  const fields = new URLSearchParams();
  if (view.example !== undefined) fields.set("example", view.example);
  else if (view.text !== undefined) await putText(fields, view.text);
  if (view.rule !== undefined) fields.set("rule", view.rule);
  putFields(fields, view, Object.keys(NUMBERS));
  return fields.toString();
}

/**
 * @param {string} fragment without "#"
 * @param {number} limit bytes of text
 * @param {string[]} rules names of the rules that there are
 * @returns {Promise<View>}
 * @throws {Error} with a sentence that says what is wrong
 */
export async function decodeView(fragment, limit, rules) {
  const fields = fieldsOf(fragment, KEYS);
  /** @type {View} */
  const view = {};
  const [example, rule] = [fields.get("example"), fields.get("rule")];
  if (example !== null) view.example = example;
  const text = await takeText(fields, limit);
  if (text !== undefined) view.text = text;
  if (rule !== null) view.rule = rule;
  if (rule !== null && !rules.includes(rule)) throw new Error("it names a rule that is not known here");
  return { ...view, ...takeNumbers(fields, NUMBERS, WHOLE) };
}

/** Return the fields of a fragment; a field whose name is not in `keys` is an error. */
export function fieldsOf(fragment, keys) {
  const fields = new URLSearchParams(fragment);
  for (const name of fields.keys()) if (!keys.has(name)) throw new Error(`it has an unknown part, ${name.slice(0, 40)}`);
  return fields;
}

/** Write the values of a view with the names `names` to the fields of a fragment. */
export function putFields(fields, view, names) {
  for (const name of names) if (view[name] !== undefined && view[name] !== null) fields.set(name, String(view[name]));
}

/** Return the numbers of a fragment; `ranges` has their limits, and those in `whole` are integers. */
export function takeNumbers(fields, ranges, whole) {
  const found = {};
  for (const [name, [least, most]] of Object.entries(ranges)) {
    if (!fields.has(name)) continue;
    const value = Number(fields.get(name) || "none");
    const fits = value >= least && value <= most && (!whole.has(name) || Number.isInteger(value));
    if (!fits) throw new Error(`its ${name} is no number from ${least} to ${most}`);
    found[name] = value;
  }
  return found;
}

/** Write a text to the fields of a fragment, compressed if that is shorter. */
export async function putText(fields, text) {
  const packed = await deflated(text);
  const plain = new URLSearchParams({ text }).toString();
  if (packed !== null && packed.length + 2 < plain.length) fields.set("z", packed);
  else fields.set("text", text);
}

/**
 * Return the text of a fragment, if it has one; throws the errors of `decodeView`.
 * @param {URLSearchParams} fields
 * @param {number} limit bytes
 */
export async function takeText(fields, limit) {
  const packed = fields.get("z");
  const text = packed === null ? (fields.get("text") ?? undefined) : await inflated(packed, limit);
  if (text !== undefined && new TextEncoder().encode(text).length > limit) throw new Error("its text is too long");
  return text;
}

async function deflated(text) {
  if (typeof CompressionStream !== "function") return null;
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return toBase64(new Uint8Array(await new Response(stream).arrayBuffer()));
}

/** Decompress a text of at most `limit` bytes, because a short link must not fill the memory. */
async function inflated(packed, limit) {
  if (typeof DecompressionStream !== "function") throw new Error("this browser cannot unpack its text");
  const damaged = new Error("its text is damaged");
  let stream;
  try {
    stream = new Blob([fromBase64(packed)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  } catch {
    throw damaged;
  }
  const reader = stream.getReader();
  const chunks = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw damaged;
    });
    if (done) break;
    size += value.length;
    if (size > limit) {
      reader.cancel().catch(() => {});
      throw new Error("its text is too long");
    }
    chunks.push(value);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await new Blob(chunks).arrayBuffer());
  } catch {
    throw damaged;
  }
}

function toBase64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
}
