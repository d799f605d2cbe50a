"""The patch graph of a text: nodes are patches under an entropy model, edges what follows what.

All counts are those of the whole text, also where only its most frequent patches are kept; so the
probabilities out of a node may sum to less than one.

Legend: ``N`` bytes of a text; ``C`` its characters.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from bytelatent.graph.layout import arrange
from bytelatent.graph.long_text import Progress, analyse_in_parts
from bytelatent.graph.text_positions import TextPlaces
from bytelatent.patching.rules import PatchingMode, RuleOptions, lengths_from_starts, patch_starts
from bytelatent.runtime.entropy_runtime import ByteAnalysis, EntropyRuntime
from bytelatent.tokenizers.characters import characters

if TYPE_CHECKING:
    import networkx as nx


class PatchGraphArgs(BaseModel):
    """Settings that decide a patch graph besides the text and the model.

    Attributes:
        threshold: entropy in nats above which a byte starts a patch; the model's own when None.
        max_nodes: number of patches that are kept at most; the most frequent ones stay.
        seed: seed of the search for communities and of the layout.
        evidence: number of places that are kept for every edge.
        context: characters that are shown on both sides of a place.
        max_bytes: longer texts are refused; the model needs a minute for half of the default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float | None = Field(default=None, ge=0)
    max_nodes: int = Field(default=1500, ge=1, le=3000)
    seed: int = Field(default=0, ge=0, lt=2**32)
    evidence: int = Field(default=3, ge=0)
    context: int = Field(default=24, ge=0)
    max_bytes: int = Field(default=2_000_000, ge=1)


class EntropyModel(Protocol):
    """What the graph needs of :class:`bytelatent.runtime.entropy_runtime.EntropyRuntime`."""

    name: str
    threshold: float
    max_patch_length: int | None

    def analyse(self, data: bytes, *, top_k: int = 0) -> ByteAnalysis:
        """Entropies and surprisals of every byte."""
        ...


@dataclass(frozen=True)
class Patch:
    """One patch of a text.

    Attributes:
        start, end: its bytes.
        kind: ``word``, ``part``, ``space``, ``crossing``, ``sign`` or ``bytes``.
        entropy: nats, before its first byte.
        bits: what it carries, the sum of -log2 p of its bytes.
    """

    start: int
    end: int
    kind: str
    entropy: float
    bits: float


@dataclass
class _Sum:
    """What is known of a node or an edge so far."""

    count: int = 0
    bits: float = 0.0
    entropy: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    places: list[tuple[int, int]] = field(default_factory=list)


def patch_graph(
    text: str | bytes,
    model: EntropyModel,
    args: PatchGraphArgs | None = None,
    *,
    title: str = "",
    source: str = "pasted text",
    progress: Progress | None = None,
) -> "nx.DiGraph":
    """The patch graph of a text of any bytes, laid out; empty for an empty text.

    Nodes: ``label`` (readable), ``hex``, ``type``, ``count``, ``entropy`` (mean nats at the first
    byte), ``bits`` (mean), ``degree``, ``community``, ``x``, ``y``. Edges: ``count``,
    ``probability`` of the target after the source, ``bits`` (mean, of the target after the
    source), ``evidence``: ``text`` is ``original[start:end]`` with the two patches at ``pair``.

    Args:
        text: of bytes that are no UTF-8 each counts as one character of the original.
        model: the entropy model.
        args: limits, threshold and seed.
        title, source: kept in the graph.
        progress: told while the model runs, which is nearly all the time.

    Raises:
        ValueError: the text is longer than ``max_bytes`` or holds a lone surrogate.
    """
    import networkx as nx

    args = args or PatchGraphArgs()
    places = TextPlaces.of(text)
    _check_size(len(places.data), args.max_bytes)
    threshold = model.threshold if args.threshold is None else args.threshold
    analysis = _analyse(model, places.data, progress)
    patches = list(cut(places, analysis, threshold, model.max_patch_length))
    nodes, edges = _count(places.data, patches, args.evidence)
    kept = [key for key, _ in sorted(nodes.items(), key=lambda item: -item[1].count)]
    kept = kept[: args.max_nodes]
    graph = nx.DiGraph(
        kind="patches",
        title=title,
        source=source,
        bytes=len(places.data),
        truncated=len(nodes) > len(kept),
        seed=args.seed,
        finder=f"entropy model {model.name}",
    )
    _add(graph, kept, nodes, edges, context=(places, args.context))
    arrange(graph, seed=args.seed)
    graph.graph["statistics"] = {
        **_statistics(places, patches, threshold),
        "distinct_patches": len(nodes),
        "distinct_transitions": len(edges),
        "path_entropy": _path_entropy(nodes, edges),
        **_shape(graph),
    }
    return graph


def cut(
    places: TextPlaces, analysis: ByteAnalysis, threshold: float, longest: int | None = None
) -> Iterator[Patch]:
    """The patches of a text, by the entropy rule; those longer than ``longest`` bytes are split."""
    options = RuleOptions(threshold=threshold, max_patch_length=longest)
    tokens, entropies = analysis.tokens[None], analysis.entropies[None]
    starts = patch_starts(PatchingMode.ENTROPY, tokens, entropies, options)[:, :-1]
    lengths = lengths_from_starts(starts)[0][1:]  # the first patch is BOS
    ends = np.cumsum(lengths)
    until = np.concatenate([[0.0], np.cumsum(analysis.nats, dtype=np.float64)]) / math.log(2)
    for start, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True):
        bits = float(until[end] - until[start])
        yield Patch(start, end, kind(places, start, end), float(analysis.entropies[start]), bits)


def kind(places: TextPlaces, start: int, end: int) -> str:
    """What a patch is to the words of its text.

    ``word`` holds one whole word (and signs or spaces around it), ``part`` some of one,
    ``crossing`` some of several; ``space`` and ``sign`` none. ``bytes``: no whole characters.
    """
    if not places.whole(start, end):
        return "bytes"
    words = {int(word) for word in places.words(start, end)}
    if len(words) > 1:
        return "crossing"
    if words:
        first, last = places.word_spans[words.pop()]
        return "word" if start <= first and last <= end else "part"
    return "space" if places.data[start:end].decode().isspace() else "sign"


def readable(data: bytes) -> str:
    r"""A patch to print: visible white space, and ``\xE2`` for a byte that is no character."""
    return "".join(
        character.label if character.text is not None else f"\\x{character.label}"
        for character in characters(data)
    )


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError(
            f"the text has {size:,} bytes; {most:,} at most are made into a patch graph: "
            "cut it, or raise max_bytes"
        )


def _analyse(model: EntropyModel, data: bytes, progress: Progress | None) -> ByteAnalysis:
    """Run the model; in parts if somebody waits for them, and for the model that can."""
    if progress is not None and isinstance(model, EntropyRuntime):
        return analyse_in_parts(model, data, progress)
    found = model.analyse(data)
    if progress is not None:
        progress(len(data), len(data))
    return found


def _count(
    data: bytes, patches: list[Patch], evidence: int
) -> tuple[dict[bytes, _Sum], dict[tuple[bytes, bytes], _Sum]]:
    """Sums of distinct patches and of distinct pairs, in the order of their first place."""
    nodes: dict[bytes, _Sum] = {}
    edges: dict[tuple[bytes, bytes], _Sum] = {}
    before: Patch | None = None
    for patch in patches:
        key = data[patch.start : patch.end]
        node = nodes.setdefault(key, _Sum())
        node.count += 1
        node.bits += patch.bits
        node.entropy += patch.entropy
        node.kinds[patch.kind] += 1
        if before is not None:
            edge = edges.setdefault((data[before.start : before.end], key), _Sum())
            edge.count += 1
            edge.bits += patch.bits
            if len(edge.places) < evidence:
                edge.places.append((before.start, patch.end))
        before = patch
    return nodes, edges


def _add(
    graph: "nx.DiGraph",
    kept: list[bytes],
    nodes: dict[bytes, _Sum],
    edges: dict[tuple[bytes, bytes], _Sum],
    *,
    context: tuple[TextPlaces, int],
) -> None:
    """Put the kept patches, and the edges between them, into the graph."""
    known = set(kept)
    outgoing: Counter[bytes] = Counter()
    for (first, _), edge in edges.items():
        outgoing[first] += edge.count
    for key in kept:
        node = nodes[key]
        graph.add_node(
            key.hex(),
            label=readable(key),
            type=node.kinds.most_common(1)[0][0],
            hex=key.hex(),
            count=node.count,
            entropy=round(node.entropy / node.count, 4),
            bits=round(node.bits / node.count, 4),
        )
    for (first, second), edge in edges.items():
        if first in known and second in known:
            graph.add_edge(
                first.hex(),
                second.hex(),
                type="next",
                count=edge.count,
                probability=round(edge.count / outgoing[first], 6),
                bits=round(edge.bits / edge.count, 4),
                evidence=[_evidence(*context, *place) for place in edge.places],
            )


def _evidence(places: TextPlaces, context: int, start: int, end: int) -> dict[str, Any]:
    """A place in characters, with some text around it."""
    first, last = places.characters(start, end)
    low, high = max(0, first - context), min(len(places.text), last + context)
    return {
        "text": places.text[low:high],
        "start": low,
        "end": high,
        "pair": [first - low, last - low],
    }


def _statistics(places: TextPlaces, patches: list[Patch], threshold: float) -> dict[str, Any]:
    """Numbers of the whole text; entropies in nats, information in bits."""
    cuts = [places.inner_word(patch.start) for patch in patches]
    count, bits = len(patches), sum(patch.bits for patch in patches)
    kinds = Counter(patch.kind for patch in patches)
    return {
        "threshold": round(threshold, 6),
        "patches": count,
        "bytes_per_patch": _ratio(len(places.data), count),
        "words": len(places.word_spans),
        "words_cut": len({word for word in cuts if word is not None}),
        "crossing_patches": kinds["crossing"],
        "mean_entropy": _ratio(sum(patch.entropy for patch in patches), count),
        "bits": round(bits, 2),
        "bits_per_patch": _ratio(bits, count),
        "bits_per_byte": _ratio(bits, len(places.data)),
    }


def _path_entropy(nodes: dict[bytes, _Sum], edges: dict[tuple[bytes, bytes], _Sum]) -> float:
    """Bits by which one patch, alone, leaves the next one open, over all transitions."""
    outgoing: Counter[bytes] = Counter()
    for (first, _), edge in edges.items():
        outgoing[first] += edge.count
    total = sum(outgoing.values())
    bits = -sum(
        edge.count * math.log2(edge.count / outgoing[first]) for (first, _), edge in edges.items()
    )
    return _ratio(bits, total)


def _shape(graph: "nx.DiGraph") -> dict[str, int]:
    communities = {community for _, community in graph.nodes(data="community")}
    return {
        "nodes": graph.number_of_nodes(),
        "links": graph.number_of_edges(),
        "communities": len(communities),
    }


def _ratio(value: float, count: int) -> float:
    return round(value / count, 4) if count else 0.0
