/** The details of one byte of an inspected text, and all bytes as one table. */

import { findAll } from "./page.js";
import { characterAt, describeCharacter, hex } from "./text.js";
import { colour } from "./svg.js";

/** Format a probability between 0 and 1 in percent. */
export function percent(p) {
  if (p >= 0.0995) return `${(100 * p).toFixed(0)} %`;
  if (p >= 0.00995) return `${(100 * p).toFixed(1)} %`;
  return p >= 0.0001 ? `${(100 * p).toFixed(2)} %` : "< 0.01 %";
}

/** Return one line about byte `i`, for people who do not see the drawing. */
export function summary(view, i) {
  const { glyph, name } = describeCharacter(characterAt(view.measured, i).character);
  return [
    `byte ${i + 1} of ${view.count}: ${name ?? glyph}`,
    `read into patch ${view.readInto[i + 1]}`,
    `predicted from patch ${view.predictedFrom[i]}`,
    `chance ${percent(Math.exp(-view.nats[i]))}`,
  ].join(", ");
}

export class ByteView {
  constructor(root) {
    this.root = root;
    this.fields = new Map(findAll(root, "[data-field]").map((element) => [element.dataset.field, element]));
    const [buckets, looks] = findAll(root, "table", HTMLTableElement);
    this.buckets = buckets;
    this.looks = looks;
  }

  set(field, ...content) {
    this.fields.get(field)?.replaceChildren(...content);
  }

  show(view, i, head) {
    const { measured, entropies, threshold, predictions } = view;
    const { character } = characterAt(measured, i);
    const { glyph, name, point, words } = describeCharacter(character);
    this.set("glyph", glyph);
    this.fields.get("glyph")?.classList.toggle("words", words);
    this.set("place", `Byte ${i + 1} of ${view.count}`);
    this.set("value", `${hex(measured.bytes[i])} · ${name ? `${name} ` : ""}${point}`);
    this.set("entropy", entropies ? surprise(entropies[i], threshold, i) : "not asked for by this rule");
    this.set("own", chip(view, view.readInto[i + 1]));
    this.set("source", chip(view, view.predictedFrom[i]));
    const nats = view.nats[i];
    this.set("chance", `${percent(Math.exp(-nats))}, ${(nats / Math.LN2).toFixed(2)} bits`);
    const expected = predictions?.[i].map(({ text, p }) => `${text} ${percent(p)}`.replaceAll(" ", "\u00a0")).join(" · ");
    this.set("expected", expected ?? "–");
    this.showBuckets(view, i);
    this.showLooks(view, i, head);
  }

  showBuckets(view, i) {
    this.buckets.hidden = !view.hashes.length;
    this.buckets.tBodies[0].replaceChildren(
      ...view.hashes.map(({ size, function: number, buckets }) => {
        const more = view.functions > 1 ? ` · hash ${number + 1}` : "";
        return row([`${size}${more}`, ngram(view, i, size), buckets[i + 1].toLocaleString("en")]);
      }),
    );
  }

  /** Show the cross-attention weights of byte `i`: in the encoder of its patch's vectors, in the decoder over the vectors of its source patch. */
  showLooks(view, i, head) {
    const shown = (maps) => maps.filter((map) => map.head === head);
    const [encoder, decoder] = [shown(view.encoder), shown(view.decoder)];
    const vectors = (encoder[0] ?? decoder[0])?.weights.length ?? 0;
    this.looks.hidden = !vectors;
    const names = Array.from({ length: vectors }, (_, k) => `vector ${k + 1}`);
    this.looks.tHead?.replaceChildren(row(["", ...names], "th"));
    const complete = view.readInto[i + 1] < view.complete;
    const rows = [
      ...encoder.map(({ layer, weights }) => [
        encoder.length > 1 ? `encoder ${layer}` : "encoder",
        ...weights.map((of) => (complete ? percent(of[i + 1]) : "not yet")),
      ]),
      ...decoder.map(({ layer, weights }) => [`decoder ${layer}`, ...weights.map((of) => percent(of[i]))]),
    ];
    this.looks.tBodies[0].replaceChildren(...rows.map((cells) => row(cells)));
  }
}

function surprise(nats, threshold, i) {
  const text = `${nats.toFixed(2)} nats`;
  if (threshold === null) return text;
  if (nats > threshold) return `${text}, above ${threshold.toFixed(2)}: a patch begins`;
  return i ? `${text}, not above ${threshold.toFixed(2)}: the patch goes on` : `${text}; the first patch begins in any case`;
}

function chip(view, position) {
  const element = document.createElement("span");
  element.className = `chip ${colour(position)}`;
  const patch = view.patches[position - 1];
  element.textContent = position ? `${position} ${quoted(patch.text)}` : "0 BOS, the beginning";
  return element;
}

function quoted(text) {
  return `“${text.replaceAll("\n", "↵").replaceAll("\t", "⇥")}”`;
}

/** Return the n-gram of `size` bytes that ends at byte `i`, printable; ∅ is a position before BOS. */
function ngram(view, i, size) {
  const first = i + 2 - size;
  const bytes = view.measured.bytes.subarray(Math.max(0, first - 1), i + 1);
  const text = new TextDecoder().decode(bytes).replaceAll("\n", "↵").replaceAll("\t", "⇥").replaceAll(" ", "␣");
  const before = first < 1 ? "‹BOS›" : "";
  return `${"∅".repeat(Math.max(0, -first))}${before}${text}`;
}

function row(cells, tag = "td") {
  const line = document.createElement("tr");
  cells.forEach((text, number) => {
    const heads = tag === "th" || number === 0;
    const cell = document.createElement(heads && text !== "" ? "th" : "td");
    if (cell.tagName === "TH") cell.scope = tag === "th" ? "col" : "row";
    cell.textContent = text;
    line.append(cell);
  });
  return line;
}

/** Return a table of all values of a view, with one row for every byte. */
export function wholeTable(view, head) {
  const maps = [
    ...view.encoder.filter((map) => map.head === head).map((map) => ["encoder", map, 1]),
    ...view.decoder.filter((map) => map.head === head).map((map) => ["decoder", map, 0]),
  ];
  const columns = maps.flatMap(([name, { layer, weights }, shift]) =>
    weights.map((of, k) => ({ name: `${name} ${layer}, vector ${k + 1}`, value: (i) => of[i + shift].toFixed(2) })),
  );
  const names = ["byte", "value", "character", "patch", "from", "entropy", "chance"];
  const sizes = view.hashes.map(({ size }) => `${size}-gram row`);
  const table = document.createElement("table");
  table.createTHead().append(row([...names, ...sizes, ...columns.map(({ name }) => name)], "th"));
  const body = table.createTBody();
  for (let i = 0; i < view.count; i++) {
    const { glyph, name } = describeCharacter(characterAt(view.measured, i).character);
    body.append(
      row([
        ...[i + 1, hex(view.measured.bytes[i]), name ?? glyph, view.readInto[i + 1], view.predictedFrom[i]],
        ...[view.entropies?.[i].toFixed(2) ?? "–", percent(Math.exp(-view.nats[i]))],
        ...view.hashes.map(({ buckets }) => buckets[i + 1]),
        ...columns.map(({ value }) => value(i)),
      ]),
    );
  }
  return table;
}
