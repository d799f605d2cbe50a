"""Graphs of a text: ``python -m bytelatent.graph build FILE --out demo_output/NAME``.

``build`` writes JSON, GraphML, tables, pictures and an interactive page; ``stats``, ``path`` and
``surprising`` read a graph that ``build`` wrote.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import bytelatent
from bytelatent.files import write_text
from bytelatent.formats.find import ENTROPY_MINI
from bytelatent.graph import build
from bytelatent.graph.entities import SpacyFinder
from bytelatent.graph.entity_graph import EntityGraphArgs, Overrides, entity_graph
from bytelatent.graph.gazetteer import GazetteerFinder
from bytelatent.graph.graph_files import json_text, load_graph, node_link, save_csv, save_graphml
from bytelatent.graph.graph_page import graph_html
from bytelatent.graph.inputs import read_bytes, text_of
from bytelatent.graph.mentions import Finder
from bytelatent.graph.patch_graph import PatchGraphArgs, patch_graph
from bytelatent.graph.traversal import (
    Continuation,
    communities,
    find_path,
    path_entropy,
    surprising,
)
from bytelatent.plotting.artifacts import ArtifactWriter, Card
from bytelatent.plotting.graph_figure import draw
from bytelatent.runtime.entropy_runtime import EntropyRuntime

PROGRAM = "python -m bytelatent.graph"
ROOT = Path(bytelatent.__file__).resolve().parents[1]
LIBRARY = ROOT / "static" / "vendor" / "cytoscape.min.js"
KINDS = ("entities", "patches")
FORMATS = ("json", "graphml", "csv", "png", "pdf", "html")
DESCRIPTIONS = {
    "entities": "Who and what a text is about: names that a sentence brings together; the wider "
    "the line, the more sentences.",
    "patches": "How BLT cuts a text: patches under the entropy model, and which follows which; "
    "the wider the line, the more often.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; return 1 for an error that the user can fix, 2 for a usage error."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    try:
        options.run(options, words)
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "--" + str(wrong["loc"][0]).replace("_", "-")
        print(f"error: {name}: {wrong['input']}: {wrong['msg'].lower()}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_build(commands.add_parser("build", help="make the graphs of a text"))
    stats = commands.add_parser("stats", help="numbers, communities and the most connected nodes")
    path = commands.add_parser("path", help="the way between two nodes, and what it costs")
    surprise = commands.add_parser("surprising", help="what follows a node, against expectation")
    for command, run in ((stats, _stats), (path, _path), (surprise, _surprising)):
        command.add_argument("graph", type=Path, help="JSON that build wrote")
        command.set_defaults(run=run)
    path.add_argument("first", help="id, label or alias of a node")
    path.add_argument("last", help="id, label or alias of a node")
    surprise.add_argument("node", help="id, label or alias of a node")
    surprise.add_argument("-n", type=int, default=5, help="edges to print (default: %(default)s)")
    return parser


def _add_build(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, help="the text; a .gz file is unpacked")
    add("--out", type=Path, required=True, metavar="FOLDER/NAME", help="files without their suffix")
    add("--data", type=Path, metavar="FOLDER",
        help="data folder (default: that of --out, or plot_data beside demo_output)")  # fmt: skip
    add("--kind", choices=(*KINDS, "both"), default="both", help="(default: %(default)s)")
    add("--finder", choices=("auto", "spacy", "gazetteer"), default="auto",
        help="finder of entities (default: spacy where it is installed)")  # fmt: skip
    add("--overrides", type=Path, metavar="FILE", help="JSON with aliases, labels, drop")
    add("--model", type=Path, default=ENTROPY_MINI, metavar="FOLDER", help="an entropy model")
    add("--threshold", type=float, metavar="NATS",
        help="entropy above which a byte starts a patch (default: the model's own)")  # fmt: skip
    add("--max-nodes", type=int, default=1500, help="(default: %(default)s)")
    add(
        "--min-count",
        type=int,
        default=1,
        help="least mentions of an entity (default: %(default)s)",
    )
    add("--evidence", type=int, default=3, help="sentences for an edge (default: %(default)s)")
    add("--seed", type=int, default=0,
        help="seed of layout and communities (default: %(default)s)")  # fmt: skip
    add("--title", help="title of the text (default: the name of the file)")
    add("--formats", type=_formats, default=FORMATS, metavar="FORMAT,...",
        help=f"(default: {','.join(FORMATS)})")  # fmt: skip
    parser.set_defaults(run=_build)


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(text.split(","))
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(FORMATS)}")
    return formats


def _build(options: argparse.Namespace, words: list[str]) -> None:
    """Build the entity graph, the patch graph or both, and write their files."""
    kinds = KINDS if options.kind == "both" else (options.kind,)
    data = read_bytes(options.file, most=PatchGraphArgs().max_bytes)
    makers: dict[str, Callable[[], Any]] = {}
    if "entities" in kinds:
        makers["entities"] = _entities(options, text_of(data, options.file))
    if "patches" in kinds:
        makers["patches"] = _patches(options, data)
    folder = options.out.parent
    beside = folder.with_name("plot_data") if folder.name == "demo_output" else folder
    writer = ArtifactWriter(folder, options.data or beside, f"{PROGRAM} {shlex.join(words)}")
    for kind, make in makers.items():
        name = options.out.name if len(makers) == 1 else f"{options.out.name}_{kind}"
        graph = make()
        _write(graph, Card(name, graph.graph["title"], DESCRIPTIONS[kind]), writer, options.formats)
        numbers = graph.graph["statistics"]
        print(f"{kind}: {numbers['nodes']:,} nodes, {numbers['links']:,} edges")
        if note := graph.graph.get("note"):
            print(note, file=sys.stderr)
    for path in writer.written:
        print(path)
    for remark in writer.remarks:
        print(remark, file=sys.stderr)


def _entities(options: argparse.Namespace, text: str) -> Callable[[], Any]:
    """Check the options of the entity graph and return the function that builds it."""
    args = EntityGraphArgs(
        max_nodes=options.max_nodes,
        min_count=options.min_count,
        seed=options.seed,
        evidence=options.evidence,
    )
    return partial(
        entity_graph,
        text,
        _finder(options.finder),
        args,
        overrides=Overrides.read(options.overrides) if options.overrides else None,
        title=f"{options.title or _plain(options.file)}: what it is about",
        source=options.file.name,
        progress=_Progress("entities"),
    )


def _patches(options: argparse.Namespace, data: bytes) -> Callable[[], Any]:
    """Check the options of the patch graph and return the function that builds it."""
    args = PatchGraphArgs(
        threshold=options.threshold,
        max_nodes=options.max_nodes,
        seed=options.seed,
        evidence=options.evidence,
    )
    return partial(
        patch_graph,
        data,
        EntropyRuntime.load(options.model, threads=1),  # two parts run in parallel
        args,
        title=f"{options.title or _plain(options.file)}: how BLT cuts it",
        source=options.file.name,
        progress=_Progress("patches"),
    )


def _finder(name: str) -> Finder:
    """Return the finder of that name; print to standard error when the gazetteer replaces spaCy."""
    reason = build.entity_graph_available()
    if name == "gazetteer" or (name == "auto" and reason is not None):
        if reason is not None and name == "auto":
            print(f"{reason}; the gazetteer takes over", file=sys.stderr)
        return GazetteerFinder()
    return SpacyFinder()


def _plain(path: Path) -> str:
    """Turn a file name into words:

    ``pride_and_prejudice.txt.gz`` becomes ``Pride and prejudice``.
    """
    words = path.name.split(".")[0].replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def _write(graph: Any, card: Card, writer: ArtifactWriter, formats: Sequence[str]) -> None:
    """Write the files of a graph and put them into the lists of the gallery."""
    link = node_link(graph)
    if "json" in formats:
        path = writer.data / f"{card.stem}.json"
        write_text(path, json_text(graph))
        writer.record(path, card, None)
    if "graphml" in formats:
        save_graphml(graph, writer.data / f"{card.stem}.graphml")
        writer.written.append(writer.data / f"{card.stem}.graphml")
    if "csv" in formats:
        nodes, edges = (writer.data / f"{card.stem}_{part}.csv" for part in ("nodes", "edges"))
        save_csv(graph, nodes, edges)
        for path, part in ((nodes, "nodes"), (edges, "edges")):
            writer.record(path, Card(path.stem, f"{card.title} ({part})", card.description), None)
    pictures = tuple(f".{kind}" for kind in ("png", "pdf") if kind in formats)
    if pictures:
        writer.write_figure(card, partial(draw, link, card), pictures)
    if "html" in formats:
        library = os.path.relpath(LIBRARY, writer.out.resolve())
        writer.write_page(card, graph_html(link, library=Path(library).as_posix()))


def _stats(options: argparse.Namespace, _: list[str]) -> None:
    graph = load_graph(options.graph)
    about = graph.graph
    print(f"{about.get('title', '')} ({about.get('kind', 'graph')}, {about.get('finder', '?')})")
    for name, value in about.get("statistics", {}).items():
        print(f"  {name.replace('_', ' '):24} {value:,}")
    shared = dict(graph.degree(weight="count"))
    print("most connected (edges, times):")
    for node in sorted(graph, key=lambda node: -shared[node])[:10]:
        print(f"  {graph.nodes[node]['label']:24} {graph.degree(node):6,} {shared[node]:8,}")
    print("communities:")
    for group in communities(graph)[:8]:
        names = ", ".join(str(graph.nodes[node]["label"]) for node in group[:6])
        print(f"  {len(group):5,}  {names}")


def _path(options: argparse.Namespace, _: list[str]) -> None:
    graph = load_graph(options.graph)
    way = find_path(graph, options.first, options.last)
    label = graph.nodes.data("label")
    print(label[way[0]])
    for first, second in pairwise(way):
        forth = graph.has_edge(first, second)
        edge = graph.edges[first, second] if forth else graph.edges[second, first]
        arrow = "->" if forth else "<-"
        print(f"  {arrow} {edge['type']} ({edge['count']:,})  {label[second]}")
        for place in edge["evidence"][:1]:
            print(f"     “{' '.join(place['text'].split())}”")
    if graph.graph.get("kind") == "patches":
        cost = path_entropy(graph, way)
        print(
            f"{cost.chain_bits:.2f} bits in the graph, {cost.model_bits or 0:.2f} to the model, "
            f"{cost.branching:.2f} bits of choice on the way"
        )


def _surprising(options: argparse.Namespace, _: list[str]) -> None:
    if options.n < 1:
        raise ValueError(f"-n: {options.n} is not 1 or more")
    ranking = surprising(load_graph(options.graph), options.node, options.n)
    for name, rows in (("most surprising", ranking.most), ("least surprising", ranking.least)):
        print(f"{name}:")
        for continuation in rows:
            print(_row(continuation))


def _row(continuation: Continuation) -> str:
    return (
        f"  {continuation.label:24} {continuation.bits:7.2f} bits  "
        f"{continuation.probability:7.2%}  {continuation.count:,} times"
    )


class _Progress:
    """A progress line on standard error; nothing is printed when it is not a terminal."""

    def __init__(self, name: str) -> None:
        self._name, self._last = name, -1

    def __call__(self, done: int, size: int) -> None:
        part = 100 * done // max(size, 1)
        if part != self._last and sys.stderr.isatty():
            end = "\n" if done >= size else ""
            print(f"\r{self._name}: {part:3} %", end=end, file=sys.stderr, flush=True)
        self._last = part


if __name__ == "__main__":
    raise SystemExit(main())
