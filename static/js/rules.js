/**
 * The patching rules of bytelatent/patching/rules/ in JavaScript, so that boundaries move while a
 * threshold is dragged. A test feeds random cases to both and compares.
 *
 * `S` tokens, BOS first. A rule returns a Uint8Array of `S + 1` starts; position `S` is the next,
 * unseen byte. `entropies[i]` belongs to the prediction of token `i + 1`.
 */

const OFFSET = 4;

/** Return starts from `after(i)`, whether the token after position i starts; positions 0 and 1 always start. */
function shifted(length, after) {
  const starts = new Uint8Array(length + 1);
  starts[0] = 1;
  if (length > 0) starts[1] = 1;
  for (let i = 1; i < length; i++) starts[i + 1] = after(i) ? 1 : 0;
  return starts;
}

function combined(entropies, threshold, thresholdAdd) {
  const qualifies = shifted(entropies.length, (i) => entropies[i] > threshold && entropies[i] - entropies[i - 1] > thresholdAdd);
  const starts = new Uint8Array(qualifies.length);
  starts[0] = 1;
  let lastBreak = 0;
  for (let i = 1; i < qualifies.length; i++) {
    if (!qualifies[i]) lastBreak = i;
    else if ((i - lastBreak) % 2 === 1) starts[i] = 1;
  }
  return starts;
}

function topk(entropies, patchSize) {
  const length = entropies.length;
  // Whole division of floats as Python does it: by the exact remainder.
  const whole = Math.round((length - (length % patchSize)) / patchSize);
  const wanted = Math.max(0, Math.min(whole - 2, length - 1));
  const order = Array.from({ length: length - 1 }, (_, i) => i + 1);
  order.sort((a, b) => entropies[b] - entropies[a] || a - b);
  const chosen = new Set(order.slice(0, wanted));
  return shifted(length, (i) => chosen.has(i));
}

function spacelike(token) {
  const byte = token - OFFSET;
  const letter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
  const digit = byte >= 0x30 && byte <= 0x39;
  return !(letter || digit || (byte >= 0x80 && byte < 0xc0));
}

function space(tokens) {
  return shifted(tokens.length, (i) => (spacelike(tokens[i]) && !spacelike(tokens[i - 1])) || tokens[i] < OFFSET);
}

function splitLong(starts, longest) {
  let patchStart = 0;
  return starts.map((start, i) => {
    if (start) patchStart = i;
    return (i - patchStart) % longest === 0 ? 1 : start;
  });
}

/** A function for each rule that the page offers, by the name that the server gives it. */
const RULES = {
  entropy: (_, e, o) => shifted(e.length, (i) => e[i] > o.threshold),
  topk: (_, e, o) => topk(e, o.patchSize),
  monotonic: (_, e, o) => shifted(e.length, (i) => e[i] - e[i - 1] > o.threshold),
  combined: (_, e, o) => combined(e, o.threshold, o.thresholdAdd),
  space: (t) => space(t),
  static: (t, _, o) => shifted(t.length, (i) => i % o.patchSize === 0),
  byte: (t) => shifted(t.length, () => true),
};

/** @typedef {{threshold?: number|null, thresholdAdd?: number, patchSize?: number, maxPatchLength?: number|null}} Options */

/**
 * @param {string} name of the rule, a key of RULES
 * @param {ArrayLike<number>} tokens ids, BOS first
 * @param {ArrayLike<number>} entropies nats, as many
 * @param {Options} options
 * @returns {Uint8Array} starts, one more than tokens
 */
export function patchStarts(name, tokens, entropies, options) {
  const starts = RULES[name](tokens, entropies, options);
  return options.maxPatchLength ? splitLong(starts, options.maxPatchLength) : starts;
}
