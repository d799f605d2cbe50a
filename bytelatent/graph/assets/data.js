/**
 * Graphs as values: reading, filters, neighbours, paths, numbers. Nothing here touches the page.
 *
 * What is read is node-link JSON as networkx writes it; see `bytelatent.graph`.
 */

export const MOST_NODES = 1500;
const MOST_EVIDENCE = 20;

/**
 * @typedef {object} GraphNode a node as the viewer has it: the fields of the file, completed
 * @property {string} id
 * @property {string} label
 * @property {string} type
 * @property {number} count how often it occurs
 * @property {number} x from -1 to 1
 * @property {number} y from -1 to 1, upwards
 * @property {number} rank place in the order of falling count
 * @property {GraphEdge[]} out edges that begin here
 * @property {GraphEdge[]} into edges that end here
 * @property {number} [community]
 * @property {number} [degree]
 * @property {number} [entropy] nats before its first byte
 * @property {number} [bits] information
 * @property {string} [hex] its bytes
 * @property {string[]} [aliases]
 * @property {[number, number][]} [mentions] characters from and to
 * @property {string} [folded] what a search looks at
 */

/**
 * @typedef {object} GraphEdge an edge as the viewer has it
 * @property {string} id
 * @property {GraphNode} from
 * @property {GraphNode} to
 * @property {string} type
 * @property {number} count
 * @property {{text: string, start?: number, end?: number, pair?: [number, number]}[]} evidence
 * @property {string} [source] id of `from` in the file
 * @property {string} [target] id of `to` in the file
 * @property {number} [bits]
 * @property {number} [probability]
 * @property {Record<string, number>} [relations] how often each occurs
 */

/** @typedef {{info: Record<string, any>, kind: "entities"|"patches", nodes: GraphNode[], edges: GraphEdge[], byId: Map<string, GraphNode>, left: number}} Graph */

/** @typedef {{nodes: Set<GraphNode>, edges: Set<GraphEdge>}} Passing what passes the filters */

/** @typedef {{nodes: GraphNode[], edges: GraphEdge[], bits: number|null}} Path */

/**
 * @param {Record<string, any>} source node-link JSON, with `links` or `edges`
 * @returns {Graph} nodes by falling count, at most MOST_NODES; `left`: how many were left out; a node knows its
 *   edges (`out`, `into`)
 * @throws {Error} with a sentence that says what is wrong
 */
export function readGraph(source) {
  const links = source?.links ?? source?.edges;
  if (!Array.isArray(source?.nodes) || !Array.isArray(links)) throw new Error("This is no graph: nodes or links are missing.");
  const info = source.graph ?? {};
  const all = source.nodes.map(readNode);
  all.sort((a, b) => b.count - a.count || (a.id < b.id ? -1 : 1));
  const nodes = all.slice(0, MOST_NODES);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  /** @type {GraphEdge[]} */
  const edges = [];
  for (const link of links) {
    const from = byId.get(String(link.source));
    const to = byId.get(String(link.target));
    if (!from || !to) continue;
    const edge = { ...link, id: `e${edges.length}`, from, to, type: String(link.type ?? "next"), count: number(link.count, 1) };
    edge.evidence = (Array.isArray(link.evidence) ? link.evidence : []).slice(0, MOST_EVIDENCE);
    from.out.push(edge);
    to.into.push(edge);
    edges.push(edge);
  }
  for (const [rank, node] of nodes.entries()) node.rank = rank;
  return { info, kind: info.kind === "patches" ? "patches" : "entities", nodes, edges, byId, left: all.length - nodes.length };
}

/** @returns {GraphNode} */
function readNode(node, i) {
  const angle = i * 2.39996; // a spiral, where the file has no places
  const radius = Math.min(1, 0.03 * Math.sqrt(i));
  return {
    ...node,
    id: String(node.id),
    label: String(node.label ?? node.id),
    type: String(node.type ?? "other"),
    count: number(node.count, 1),
    x: number(node.x, radius * Math.cos(angle)),
    y: number(node.y, radius * Math.sin(angle)),
    out: [],
    into: [],
    rank: i,
  };
}

function number(value, otherwise) {
  return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}

/**
 * Types with how many nodes have each, the most frequent first.
 * @param {Graph} graph
 */
export function typesOf(graph) {
  const counts = new Map();
  for (const { type } of graph.nodes) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** The different counts, rising: what a slider over them goes through. */
export function steps(items) {
  return [...new Set(items.map((item) => item.count))].sort((a, b) => a - b);
}

/** @param {GraphNode} node */
export function neighbours(node) {
  return new Set([...node.out.map((edge) => edge.to), ...node.into.map((edge) => edge.from)]);
}

/**
 * What passes the filters.
 * @param {Graph} graph
 * @param {{hidden: Set<string>, least: number, edgeLeast: number, near: GraphNode|null}} filter `near`: a
 *   node, of which only the neighbourhood is wanted
 * @returns {Passing}
 */
export function passing(graph, { hidden, least, edgeLeast, near }) {
  const close = near && neighbours(near).add(near);
  const nodes = new Set(
    graph.nodes.filter((node) => node === near || (!hidden.has(node.type) && node.count >= least && (!close || close.has(node)))),
  );
  const edges = new Set(graph.edges.filter((edge) => edge.count >= edgeLeast && nodes.has(edge.from) && nodes.has(edge.to)));
  return { nodes, edges };
}

export function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * Whether a node's label, aliases or bytes hold all words, accents and case aside.
 * @returns {((node: GraphNode) => boolean)|null} null for no words
 */
export function matcher(query) {
  const words = folded(query).split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  return (node) => {
    const text = node.folded ?? folded([node.label, ...(Array.isArray(node.aliases) ? node.aliases : []), node.hex ?? ""].join(" "));
    node.folded = text;
    return words.every((word) => text.includes(word));
  };
}

/**
 * The node that somebody means who typed `text`: the same label, else the most frequent that holds it.
 * @param {GraphNode[]} nodes
 * @returns {GraphNode|null}
 */
export function meant(nodes, text) {
  const wanted = text.trim();
  const matches = matcher(wanted);
  if (!matches) return null;
  return (
    nodes.find((node) => node.label === wanted) ??
    nodes.find((node) => folded(node.label) === folded(wanted)) ??
    nodes.find(matches) ??
    null
  );
}

/**
 * What an edge costs on a path: bits of surprise between patches; else a step, cheaper if it is frequent.
 * @param {Graph} graph
 * @param {GraphEdge} edge
 */
function costOf(graph, edge) {
  return graph.kind === "patches" ? Math.max(0, number(edge.bits, 1)) : 1 + 0.1 / edge.count;
}

/**
 * The cheapest path (Dijkstra) among edges that pass; patches follow one another, so there the
 * direction counts.
 * @param {Graph} graph
 * @param {Passing} passes
 * @param {GraphNode} from
 * @param {GraphNode} to
 * @returns {Path|null}
 */
export function findPath(graph, passes, from, to) {
  const directed = graph.kind === "patches";
  const best = new Map([[from, 0]]);
  /** @type {Map<GraphNode, [GraphEdge, GraphNode]>} */
  const came = new Map();
  /** @type {[number, GraphNode][]} */
  const heap = [[0, from]];
  const done = new Set();
  while (heap.length) {
    const [cost, node] = pop(heap);
    if (done.has(node)) continue;
    done.add(node);
    if (node === to) break;
    for (const edge of directed ? node.out : [...node.out, ...node.into]) {
      if (!passes.edges.has(edge)) continue;
      const next = edge.from === node ? edge.to : edge.from;
      const total = cost + costOf(graph, edge);
      if (total >= (best.get(next) ?? Infinity)) continue;
      best.set(next, total);
      came.set(next, [edge, node]);
      push(heap, [total, next]);
    }
  }
  if (!done.has(to)) return null;
  /** @type {Path} */
  const path = { nodes: [to], edges: [], bits: directed ? (best.get(to) ?? null) : null };
  for (let step = came.get(to); step; step = came.get(step[1])) {
    path.edges.unshift(step[0]);
    path.nodes.unshift(step[1]);
  }
  return path;
}

/** @param {[number, GraphNode][]} heap */
function push(heap, item) {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const up = (at - 1) >> 1;
    if (heap[up][0] <= heap[at][0]) break;
    [heap[up], heap[at]] = [heap[at], heap[up]];
    at = up;
  }
}

/** @param {[number, GraphNode][]} heap not empty */
function pop(heap) {
  const top = heap[0];
  const last = heap.pop();
  if (!last || !heap.length) return top;
  heap[0] = last;
  for (let at = 0; ; ) {
    let least = at;
    for (const down of [2 * at + 1, 2 * at + 2]) if (down < heap.length && heap[down][0] < heap[least][0]) least = down;
    if (least === at) return top;
    [heap[least], heap[at]] = [heap[at], heap[least]];
    at = least;
  }
}

/**
 * The lowest and the highest value of a field.
 * @param {Graph} graph
 */
export function rangeOf(graph, field) {
  const values = graph.nodes.map((node) => node[field]).filter(Number.isFinite);
  return values.length ? [Math.min(...values), Math.max(...values)] : [0, 0];
}

/**
 * Names and numbers about what is shown, for people.
 * @param {Passing} passes
 * @returns {[string, number][]}
 */
export function statistics(passes) {
  const degrees = new Map([...passes.nodes].map((node) => [node, 0]));
  for (const { from, to } of passes.edges) {
    degrees.set(from, (degrees.get(from) ?? 0) + 1);
    degrees.set(to, (degrees.get(to) ?? 0) + 1);
  }
  const shown = passes.nodes.size;
  return [
    ["nodes shown", shown],
    ["edges shown", passes.edges.size],
    ["edges per node", shown ? passes.edges.size / shown : 0],
    ["pieces that hang together", pieces(passes)],
    ["nodes without an edge", [...degrees.values()].filter((degree) => !degree).length],
  ];
}

/**
 * How many connected components there are.
 * @param {Passing} passes
 */
function pieces({ nodes, edges }) {
  const parent = new Map([...nodes].map((node) => [node, node]));
  /** @returns {GraphNode} */
  const root = (node) => {
    for (let up = parent.get(node); up && up !== node; up = parent.get(node)) {
      parent.set(node, parent.get(up) ?? up);
      node = up;
    }
    return node;
  };
  let count = nodes.size;
  for (const { from, to } of edges) {
    const [a, b] = [root(from), root(to)];
    if (a === b) continue;
    parent.set(a, b);
    count--;
  }
  return count;
}

/** A number as people read it. */
export function figure(value) {
  if (typeof value !== "number") return String(value ?? "–");
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) < 0.01 ? value.toPrecision(2) : value.toFixed(2);
}
