/** The visible part of a graph as a file: picture, node-link JSON, GraphML or tables. */

import { download, fileName, quoted } from "./download.js";
import { escapeXml } from "./xml.js";

/** @typedef {import("../graph/viewer.js").Viewer} Viewer */

/**
 * @param {string} kind "png", "json", "graphml", "nodes" or "edges"
 * @param {Viewer} viewer
 */
export async function save(kind, viewer) {
  const title = fileName(String(viewer.graph.info.title ?? "graph"));
  const ending = kind === "nodes" || kind === "edges" ? `-${kind}.csv` : `.${kind}`;
  download(await CONTENTS[kind](viewer), `graph-${title}${ending}`);
}

/** @type {Record<string, (viewer: Viewer) => Blob|Promise<Blob>>} */
const CONTENTS = {
  png: (viewer) => {
    const picture = viewer.drawing?.picture();
    if (!picture) throw new Error("There is no drawing here; the other files can be saved.");
    return picture;
  },
  json: (viewer) => new Blob([`${JSON.stringify(nodeLink(viewer), null, 1)}\n`], { type: "application/json" }),
  graphml: (viewer) => new Blob([graphml(viewer)], { type: "application/xml" }),
  nodes: (viewer) => new Blob([table(plainNodes(viewer))], { type: "text/csv" }),
  edges: (viewer) => new Blob([table(plainEdges(viewer))], { type: "text/csv" }),
};

/** Return the visible nodes with the fields that the file of the graph has. */
function plainNodes({ passes }) {
  return [...passes.nodes].map(({ out, into, rank, folded, ...plain }) => plain);
}

function plainEdges({ passes }) {
  return [...passes.edges].map(({ id, from, to, ...plain }) => plain);
}

/** Return the visible part of the graph as node-link JSON. */
export function nodeLink(viewer) {
  return { directed: true, multigraph: false, graph: viewer.graph.info, nodes: plainNodes(viewer), links: plainEdges(viewer) };
}

/** Return a flat value; lists and objects become JSON text. */
function flat(value) {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}

/**
 * Return the names of all columns of the rows.
 * @param {Record<string, any>[]} rows
 */
function columns(rows) {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/**
 * Return the rows as CSV.
 * @param {Record<string, any>[]} rows
 */
function table(rows) {
  const names = columns(rows);
  const lines = [names, ...rows.map((row) => names.map((name) => flat(row[name])))];
  return lines.map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
}

/** Return the visible part of the graph as GraphML for Gephi, yEd and networkx. */
export function graphml(viewer) {
  const [nodes, edges] = [plainNodes(viewer), plainEdges(viewer)];
  const keys = [...keysOf("node", nodes, ["id"]), ...keysOf("edge", edges, ["source", "target"])];
  const data = (row, target) =>
    keys
      .filter((key) => key.target === target && row[key.name] !== undefined && row[key.name] !== null)
      .map((key) => `<data key="${key.id}">${escapeXml(flat(row[key.name]))}</data>`)
      .join("");
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ...keys.map(({ id, target, name, type }) => `<key id="${id}" for="${target}" attr.name="${escapeXml(name)}" attr.type="${type}"/>`),
    '<graph edgedefault="directed">',
    ...nodes.map((node) => `<node id="${escapeXml(node.id)}">${data(node, "node")}</node>`),
    ...edges.map(
      (edge) => `<edge source="${escapeXml(String(edge.source))}" target="${escapeXml(String(edge.target))}">${data(edge, "edge")}</edge>`,
    ),
    "</graph>",
    "</graphml>\n",
  ].join("\n");
}

function keysOf(target, rows, without) {
  return columns(rows)
    .filter((name) => !without.includes(name))
    .map((name, i) => ({
      id: `${target[0]}${i}`,
      target,
      name,
      type: rows.every((row) => (row[name] ?? 0) === Number(row[name] ?? 0)) ? "double" : "string",
    }));
}
