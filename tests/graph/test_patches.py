"""The patch graph against plain loops, and what it makes of odd texts."""

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytelatent.graph import long_text as reading
from bytelatent.graph.build import patch_graph_of
from bytelatent.graph.patch_graph import PatchGraphArgs, cut, kind, patch_graph, readable
from bytelatent.graph.text_positions import TextPositions, words
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.runtime.entropy_runtime import EntropyRuntime

TEXT = "The cat sat on the mat, and the cat’s hat — größer! — sat on the cat. नमस्ते दुनिया " * 8


def plain_patches(text: bytes, model: Any, threshold: float) -> list[tuple[bytes, float, float]]:
    """Bytes, entropy and bits of every patch, by the patcher and loops."""
    found = model.analyse(text)
    patcher = PatcherArgs(threshold=threshold).build()
    lengths, _ = patcher.patch(found.tokens[None], entropies=found.entropies[None])
    sizes = [int(size) for size in np.asarray(lengths)[0][1:]]
    patches, start = [], 0
    for size in sizes:
        data = text[start : start + size]
        if data:
            bits = sum(float(nats) / math.log(2) for nats in found.nats[start : start + len(data)])
            patches.append((data, float(found.entropies[start]), bits))
        start += size
    return patches


def test_counts_and_means_are_those_of_a_plain_loop(model: Any) -> None:
    data = TEXT.encode()
    patches = plain_patches(data, model, 1.5)
    assert b"".join(patch for patch, *_ in patches) == data
    graph = patch_graph(TEXT, model, PatchGraphArgs(max_nodes=3000))
    counts = Counter(patch.hex() for patch, *_ in patches)
    assert {node: values["count"] for node, values in graph.nodes(data=True)} == counts
    steps = Counter((a[0].hex(), b[0].hex()) for a, b in pairwise(patches))
    assert {(a, b): count for a, b, count in graph.edges(data="count")} == steps
    for node, values in graph.nodes(data=True):
        entropies = [entropy for patch, entropy, _ in patches if patch.hex() == node]
        bits = [bits for patch, _, bits in patches if patch.hex() == node]
        assert values["entropy"] == pytest.approx(sum(entropies) / len(entropies), abs=1e-3)
        assert values["bits"] == pytest.approx(sum(bits) / len(bits), abs=1e-3)
    for a, b, values in graph.edges(data=True):
        bits = [y[2] for x, y in pairwise(patches) if (x[0].hex(), y[0].hex()) == (a, b)]
        assert values["bits"] == pytest.approx(sum(bits) / len(bits), abs=1e-3)
    for node in graph:
        if out := [edge["probability"] for *_, edge in graph.out_edges(node, data=True)]:
            assert sum(out) == pytest.approx(1, abs=1e-4)


def test_statistics_are_of_the_whole_text_also_where_nodes_are_left_out(model: Any) -> None:
    whole = patch_graph(TEXT, model, PatchGraphArgs(max_nodes=3000)).graph
    small = patch_graph(TEXT, model, PatchGraphArgs(max_nodes=5)).graph
    assert not whole["truncated"]
    assert small["truncated"]
    assert small["statistics"]["nodes"] == 5
    same = set(whole["statistics"]) - {"nodes", "links", "communities"}
    for name in same:
        assert small["statistics"][name] == whole["statistics"][name], name
    numbers = whole["statistics"]
    assert numbers["patches"] == len(plain_patches(TEXT.encode(), model, 1.5))
    assert numbers["bits"] == pytest.approx(
        float(model.analyse(TEXT.encode()).nats.sum()) / math.log(2), rel=1e-4
    )
    assert numbers["words"] == len(words(TEXT))


def test_path_entropy_is_the_mean_surprise_of_the_next_patch(model: Any) -> None:
    graph = patch_graph(TEXT, model, PatchGraphArgs(max_nodes=3000))
    patches = [patch.hex() for patch, *_ in plain_patches(TEXT.encode(), model, 1.5)]
    bits = [-math.log2(graph.edges[a, b]["probability"]) for a, b in pairwise(patches)]
    expected = sum(bits) / len(bits)
    assert graph.graph["statistics"]["path_entropy"] == pytest.approx(expected, abs=1e-3)


def test_evidence_is_where_it_says(model: Any) -> None:
    graph = patch_graph(TEXT, model, PatchGraphArgs(max_nodes=3000))
    whole = 0
    for a, b, values in graph.edges(data=True):
        assert 1 <= len(values["evidence"]) <= 3
        for place in values["evidence"]:
            assert TEXT[place["start"] : place["end"]] == place["text"]
            first, last = place["pair"]
            pair = place["text"][first:last].encode()
            both = bytes.fromhex(a + b)
            assert both in pair
            whole += both == pair
    assert whole > 10


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ((0, 4), "word"),  # "The "
        ((0, 2), "part"),  # "Th"
        ((4, 9), "crossing"),  # "cat s"
        ((3, 4), "space"),
        ((22, 24), "sign"),  # ", "
        ((32, 39), "word"),  # "cat’s"
        ((32, 36), "bytes"),  # "cat" and the first byte of the apostrophe
    ],
)
def test_kinds(patch: tuple[int, int], expected: str) -> None:
    assert kind(TextPositions.of(TEXT), *patch) == expected


def test_words_have_marks_and_apostrophes() -> None:
    text = "don't 'quote' नमस्ते x_y ’tis 3.5"
    found = [text[a:b] for a, b in words(text)]
    assert found == ["don't", "quote", "नमस्ते", "x", "y", "tis", "3", "5"]


def test_labels_show_what_cannot_be_seen() -> None:
    assert readable(b"a \n") == "a␣⏎"
    assert readable("é".encode() + b"\xe2\x82") == "é\\xE2\\x82"


def test_patches_cover_the_bytes(model: Any) -> None:
    positions = TextPositions.of(TEXT)
    patches = list(cut(positions, model.analyse(positions.data), 1.5))
    assert [patch.end for patch in patches[:-1]] == [patch.start for patch in patches[1:]]
    assert (patches[0].start, patches[-1].end) == (0, len(positions.data))


@pytest.mark.parametrize(
    "text", ["", "a", " ", "\n\n", "x" * 5000, bytes(range(256)) * 4, b"\xff\xfe", "語" * 50, "\0"]
)
def test_odd_texts(text: str | bytes, model: Any) -> None:
    found = patch_graph_of(text, model, title="odd", max_nodes=50, seed=1)
    assert found["graph"]["kind"] == "patches"
    assert set(found) == {"directed", "multigraph", "graph", "nodes", "links"}
    assert len(found["nodes"]) == found["graph"]["statistics"]["nodes"] <= 50
    for node in found["nodes"]:
        assert node["label"].strip()
        assert -1 <= node["x"] <= 1 and -1 <= node["y"] <= 1
    for link in found["links"]:
        assert all(c < "\udc80" or c > "\udcff" for e in link["evidence"] for c in e["text"])


def test_limits_are_said(model: Any) -> None:
    with pytest.raises(ValueError, match=r"101 bytes; 100 at most.*max_bytes"):
        patch_graph("x" * 101, model, PatchGraphArgs(max_bytes=100))
    with pytest.raises(ValueError, match="lone surrogate"):
        patch_graph("\ud800", model)


def test_the_same_seed_gives_the_same_graph(model: Any) -> None:
    first = patch_graph_of(TEXT, model, title="", max_nodes=60, seed=3)
    assert patch_graph_of(TEXT, model, title="", max_nodes=60, seed=3) == first
    assert patch_graph_of(TEXT, model, title="", max_nodes=60, seed=4) != first


def test_progress_ends_with_the_text(model: Any) -> None:
    seen: list[tuple[int, int]] = []
    patch_graph(TEXT, model, progress=lambda done, size: seen.append((done, size)))
    assert seen[-1] == (len(TEXT.encode()), len(TEXT.encode()))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_parts_have_the_entropies_of_the_whole(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SMALLEST", 1500)
    folder = Path(reading.__file__).parents[1] / "pretrained" / "blt-entropy-mini"
    runtime = EntropyRuntime.load(folder, threads=1)
    sample = folder.parents[1] / "plotting" / "samples" / "sotu.txt"
    data = sample.read_bytes()[: runtime.reach + 2500]
    seen: list[tuple[int, int]] = []
    whole = runtime.analyse(data)
    parts = reading.analyse_in_parts(runtime, data, lambda *now: seen.append(now), workers=workers)
    np.testing.assert_array_equal(parts.tokens, whole.tokens)
    np.testing.assert_allclose(parts.entropies, whole.entropies, atol=1e-4)
    np.testing.assert_allclose(parts.nats, whole.nats, atol=1e-4)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[0] == (0, len(data)) and seen[-1] == (len(data), len(data))
    empty = reading.analyse_in_parts(runtime, b"", lambda *_: None, workers=workers)
    assert empty.entropies.shape == (1,) and empty.nats.shape == (0,)
