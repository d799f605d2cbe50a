"""Entropy along a text."""

import json
import re

import numpy as np
import pytest

from bytelatent.patching.rules import lengths_from_starts
from bytelatent.patching.rules.by_entropy import entropy_starts
from bytelatent.plotting.entropy_figure import COMMAND, DEFAULT_TEXT, hover_texts, token_name
from bytelatent.plotting.measured_text import byte_patches, bytes_per_patch, measure


def figure_of(page):
    text = re.search(r'<script type="application/json" id="figure">(.*?)</script>', page).group(1)
    return json.loads(text)


@pytest.mark.usefixtures("no_images")
@pytest.mark.parametrize("words", [[], ["--threshold", "2.5"], ["--text", "naïve"]])
def test_data_follows_the_rules(words, place):
    place.run(COMMAND, *words)
    values = place.read("entropy_figure.json")
    entropies = np.array([values["entropies"]])
    starts = entropy_starts(entropies, values["threshold"])[:, :-1]
    assert values["patch_lengths"] == lengths_from_starts(starts)[0].tolist()
    assert sum(values["patch_lengths"]) == values["bytes"] + 1 == len(values["tokens"])
    assert len(values["entropies"]) == len(values["tokens"])
    assert values["model"] == "fake"
    assert values["threshold"] == (2.5 if "--threshold" in words else 1.5)


@pytest.mark.usefixtures("no_images")
def test_chart_has_a_mark_for_each_byte_at_its_place(place):
    place.run(COMMAND)
    values = place.read("entropy_figure.json")
    source = figure_of(place.page("entropy_figure.html"))
    marks = {}
    for trace in source["figure"]["data"]:
        assert trace["type"] == "scatter"
        if trace["mode"] == "markers":
            marks.update(zip(trace["x"], trace["y"], strict=True))
    assert [marks[i] for i in range(len(DEFAULT_TEXT))] == values["entropies"][:-1]
    ticks = source["figure"]["layout"]["xaxis"]["ticktext"]
    assert "".join(ticks).replace("␣", " ") == DEFAULT_TEXT
    assert "template" not in source["figure"]["layout"]


def test_hover_tells_value_entropy_probability_and_predictions(model):
    text = measure(model, b"<\n", top_k=5)
    first, second = hover_texts(text)
    assert "&lt;" in first and "0x3C" in first and "ASCII" in first
    assert f"{text.byte_entropies[0]:.3f} nats" in first
    assert f"{np.exp(-text.analysis.nats[1]):.1%}" in second
    assert "50.0%" in first and first.count("%") == 6


def test_names_of_tokens():
    assert [token_name(token) for token in (1, 2, 0x61 + 4, 0x20 + 4, 0x0A + 4, 0xC3 + 4)] == [
        "BOS",
        "EOS",
        "a",
        "␣",
        "⏎",
        "0xC3",
    ]


def test_patches_of_bytes_leave_bos_out():
    assert byte_patches([1, 1, 3]) == [(0, 1), (1, 3)]
    assert bytes_per_patch([1, 1, 3]) == 2
    assert byte_patches([1]) == []
    assert bytes_per_patch([1]) is None


def test_a_long_text_is_drawn_in_rows(place):
    assert place.run(COMMAND, "--text", "abc " * 300) == 0
    assert "the first 500 of 1,200 bytes" in place.page("entropy_figure.html")
