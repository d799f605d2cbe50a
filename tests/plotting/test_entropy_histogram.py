"""Entropies by class of byte."""

import numpy as np
import pytest

from bytelatent.plotting.entropy_histogram import COMMAND, DEFAULT_SAMPLE, EDGES, class_statistics
from bytelatent.plotting.measured_text import measure
from bytelatent.tokenizers.characters import ByteClass


@pytest.mark.usefixtures("no_images")
def test_classes_sum_to_all_bytes(place, small_sample):
    place.run(COMMAND, "--sample", str(small_sample))
    values = place.read("entropy_histogram.json")
    size = len(small_sample.read_bytes())
    assert values["bytes"] == sum(values["counts"]) == size
    assert [one["name"] for one in values["classes"]] == list(ByteClass)
    assert sum(one["bytes"] for one in values["classes"]) == size
    for one in values["classes"]:
        assert sum(one["counts"]) == one["bytes"] > 0
    columns = zip(*(one["counts"] for one in values["classes"]), strict=True)
    assert [sum(column) for column in columns] == values["counts"]
    assert len(values["bin_edges"]) == len(values["counts"]) + 1
    assert values["bin_edges"][-1] > np.log(260)


def test_statistics_are_those_of_the_entropies(model):
    text = measure(model, b"two words" * 50)
    every, *classes = class_statistics([text])
    entropies = text.byte_entropies
    assert every.mean_entropy == pytest.approx(entropies.mean(), rel=1e-5)
    assert every.share_above_threshold == pytest.approx((entropies > 1.5).mean())
    assert every.bits_per_byte == pytest.approx(text.analysis.bits_per_byte)
    assert every.counts == np.histogram(entropies, EDGES)[0].tolist()
    absent = next(one for one in classes if one.name == ByteClass.DIGIT)
    assert (absent.bytes, absent.mean_entropy, absent.bits_per_byte) == (0, None, None)


@pytest.mark.usefixtures("no_images")
def test_every_file_is_a_text_of_its_own(place, small_sample, tmp_path):
    other = tmp_path / "other.txt"
    other.write_bytes(b"one more")
    place.run(COMMAND, "--sample", str(small_sample), str(other))
    files = place.read("entropy_histogram.json")["files"]
    assert [(file["file"], file["bytes"]) for file in files] == [
        ("sample.txt", len(small_sample.read_bytes())),
        ("other.txt", 8),
    ]


@pytest.mark.parametrize("make", [True, False])
def test_an_empty_or_missing_sample_is_named(make, place, tmp_path, capsys):
    path = tmp_path / "nothing.txt"
    if make:
        path.touch()
    assert place.run(COMMAND, "--sample", str(path)) == 1
    assert str(path) in capsys.readouterr().err


def test_sample_texts_are_what_their_readme_says():
    readme = (DEFAULT_SAMPLE[0].parent / "README.md").read_text(encoding="utf-8")
    for path in DEFAULT_SAMPLE:
        data = path.read_bytes()
        text = data.decode("utf-8")
        assert f"| `{path.name}` | {len(data):,} |" in readme
        assert text.endswith("\n") and "\r" not in text and "\x00" not in text
    prose = b"".join(path.read_bytes() for path in DEFAULT_SAMPLE[:2])
    assert sum(byte < 0x80 for byte in prose) > 0.99 * len(prose)
