"""Patch graph of a text: patches under an entropy model as nodes, transitions as edges.

All counts are those of the whole text, even where only its most frequent patches are kept.
Therefore the probabilities of the edges out of a node may sum to less than one.

Legend: ``N`` bytes of a text; ``C`` its characters.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from bytelatent.graph.layout import arrange
from bytelatent.graph.long_text import analyse_in_parts
from bytelatent.graph.mentions import Progress
from bytelatent.graph.text_positions import TextPositions
from bytelatent.patching.rules import PatchingMode, RuleOptions, lengths_from_starts, patch_starts
from bytelatent.runtime.entropy_runtime import ByteAnalyser, ByteAnalysis, EntropyRuntime
from bytelatent.tokenizers.characters import characters

if TYPE_CHECKING:
    import networkx as nx


class PatchGraphArgs(BaseModel):
    """Settings of a patch graph.

    Attributes:
        threshold: entropy in nats above which a byte starts a patch; None for the model's own.
        max_nodes: maximum number of patches; the most frequent ones are kept.
        seed: seed of the community search and of the layout.
        evidence: maximum number of positions kept per edge.
        context: number of characters shown on both sides of a position.
        max_bytes: maximum length of the text in bytes; the model needs a minute for half of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float | None = Field(default=None, ge=0)
    max_nodes: int = Field(default=1500, ge=1, le=3000)
    seed: int = Field(default=0, ge=0, lt=2**32)
    evidence: int = Field(default=3, ge=0)
    context: int = Field(default=24, ge=0)
    max_bytes: int = Field(default=2_000_000, ge=1)


@dataclass(frozen=True)
class Patch:
    """One patch of a text.

    Attributes:
        start, end: span of bytes.
        kind: ``word``, ``part``, ``space``, ``crossing``, ``sign`` or ``bytes``.
        entropy: entropy in nats of the prediction of the first byte.
        bits: information of the patch: the sum of -log2 p of its bytes.
    """

    start: int
    end: int
    kind: str
    entropy: float
    bits: float


@dataclass
class _Sum:
    """Running sums of a node or an edge."""

    count: int = 0
    bits: float = 0.0
    entropy: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    spans: list[tuple[int, int]] = field(default_factory=list)


def patch_graph(
    text: str | bytes,
    model: ByteAnalyser,
    args: PatchGraphArgs | None = None,
    *,
    title: str = "",
    source: str = "pasted text",
    progress: Progress | None = None,
) -> "nx.DiGraph":
    """Build the patch graph of a text of any bytes, with a layout; an empty text gives no nodes.

    Nodes have ``label`` (readable), ``hex``, ``type``, ``count``, ``entropy`` (mean nats at the
    first byte), ``bits`` (mean), ``degree``, ``community``, ``x`` and ``y``. Edges have ``count``,
    ``probability`` of the target after the source, ``bits`` (mean, of the target after the source)
    and ``evidence``, where ``text`` is ``original[start:end]`` with the two patches at ``pair``.

    Args:
        text: the text; each byte that is no UTF-8 counts as one character of the original.
        model: the entropy model.
        args: limits, threshold and seed.
        title, source: attributes of the graph.
        progress: callback during the model's run, which takes nearly all the time.

    Raises:
        ValueError: the text is longer than ``max_bytes`` or holds a lone surrogate.
    """
    import networkx as nx

    args = args or PatchGraphArgs()
    positions = TextPositions.of(text)
    _check_size(len(positions.data), args.max_bytes)
    threshold = model.threshold if args.threshold is None else args.threshold
    analysis = _analyse(model, positions.data, progress)
    patches = list(cut(positions, analysis, threshold, model.max_patch_length))
    nodes, edges = _count(positions.data, patches, args.evidence)
    kept = [key for key, _ in sorted(nodes.items(), key=lambda item: -item[1].count)]
    kept = kept[: args.max_nodes]
    graph = nx.DiGraph(
        kind="patches",
        title=title,
        source=source,
        bytes=len(positions.data),
        truncated=len(nodes) > len(kept),
        seed=args.seed,
        finder=f"entropy model {model.name}",
    )
    _add(graph, kept, nodes, edges, context=(positions, args.context))
    arrange(graph, seed=args.seed)
    graph.graph["statistics"] = {
        **_statistics(positions, patches, threshold),
        "distinct_patches": len(nodes),
        "distinct_transitions": len(edges),
        "path_entropy": _path_entropy(nodes, edges),
        **_shape(graph),
    }
    return graph


def cut(
    positions: TextPositions, analysis: ByteAnalysis, threshold: float, longest: int | None = None
) -> Iterator[Patch]:
    """Yield the patches of a text by the entropy rule; split those over ``longest`` bytes."""
    options = RuleOptions(threshold=threshold, max_patch_length=longest)
    tokens, entropies = analysis.tokens[None], analysis.entropies[None]
    starts = patch_starts(PatchingMode.ENTROPY, tokens, entropies, options)[:, :-1]
    lengths = lengths_from_starts(starts)[0][1:]  # the first patch is BOS
    ends = np.cumsum(lengths)
    until = np.concatenate([[0.0], np.cumsum(analysis.nats, dtype=np.float64)]) / math.log(2)
    for start, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True):
        bits = float(until[end] - until[start])
        yield Patch(start, end, kind(positions, start, end), float(analysis.entropies[start]), bits)


def kind(positions: TextPositions, start: int, end: int) -> str:
    """Return the kind of a patch in relation to the words of its text.

    ``word`` holds one whole word (and signs or spaces around it), ``part`` holds a part of one
    word, ``crossing`` holds parts of several words; ``space`` and ``sign`` hold no part of a word.
    ``bytes`` does not hold whole characters.
    """
    if not positions.whole(start, end):
        return "bytes"
    words = {int(word) for word in positions.words(start, end)}
    if len(words) > 1:
        return "crossing"
    if words:
        first, last = positions.word_spans[words.pop()]
        return "word" if start <= first and last <= end else "part"
    return "space" if positions.data[start:end].decode().isspace() else "sign"


def readable(data: bytes) -> str:
    r"""Return a patch in printable form, with ``\xE2`` for a byte that is no character."""
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


def _analyse(model: ByteAnalyser, data: bytes, progress: Progress | None) -> ByteAnalysis:
    """Run the model; in parts if there is a progress callback and the model supports parts."""
    if progress is not None and isinstance(model, EntropyRuntime):
        return analyse_in_parts(model, data, progress)
    analysis = model.analyse(data)
    if progress is not None:
        progress(len(data), len(data))
    return analysis


def _count(
    data: bytes, patches: list[Patch], evidence: int
) -> tuple[dict[bytes, _Sum], dict[tuple[bytes, bytes], _Sum]]:
    """Sum up distinct patches and distinct pairs, in the order of their first occurrence."""
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
            if len(edge.spans) < evidence:
                edge.spans.append((before.start, patch.end))
        before = patch
    return nodes, edges


def _add(
    graph: "nx.DiGraph",
    kept: list[bytes],
    nodes: dict[bytes, _Sum],
    edges: dict[tuple[bytes, bytes], _Sum],
    *,
    context: tuple[TextPositions, int],
) -> None:
    """Add the kept patches, and the edges between them, to the graph."""
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
                evidence=[_evidence(*context, *place) for place in edge.spans],
            )


def _evidence(positions: TextPositions, context: int, start: int, end: int) -> dict[str, Any]:
    """Return a piece of evidence in characters, with ``context`` characters around it."""
    first, last = positions.characters(start, end)
    low, high = max(0, first - context), min(len(positions.text), last + context)
    return {
        "text": positions.text[low:high],
        "start": low,
        "end": high,
        "pair": [first - low, last - low],
    }


def _statistics(positions: TextPositions, patches: list[Patch], threshold: float) -> dict[str, Any]:
    """Return the statistics of the whole text; entropies in nats, information in bits."""
    cuts = [positions.inner_word(patch.start) for patch in patches]
    count, bits = len(patches), sum(patch.bits for patch in patches)
    kinds = Counter(patch.kind for patch in patches)
    return {
        "threshold": round(threshold, 6),
        "patches": count,
        "bytes_per_patch": _ratio(len(positions.data), count),
        "words": len(positions.word_spans),
        "words_cut": len({word for word in cuts if word is not None}),
        "crossing_patches": kinds["crossing"],
        "mean_entropy": _ratio(sum(patch.entropy for patch in patches), count),
        "bits": round(bits, 2),
        "bits_per_patch": _ratio(bits, count),
        "bits_per_byte": _ratio(bits, len(positions.data)),
    }


def _path_entropy(nodes: dict[bytes, _Sum], edges: dict[tuple[bytes, bytes], _Sum]) -> float:
    """Return the entropy in bits of the next patch given the present one, over all transitions."""
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
