"""Sizes that compressors need, against the tools' own containers."""

import bz2
import lzma
import random

import pytest

from bytelatent.evaluation import compressors
from bytelatent.evaluation.compressors import BZ2, XZ, ZSTD, compressed_sizes

WORDS = ["ten", "green", "bottles", "are", "hanging"]
DATA = " ".join(random.Random(1).choices(WORDS, k=3000)).encode()


def test_sizes_are_those_of_the_compressors_without_their_containers() -> None:
    found = compressed_sizes(DATA)
    assert list(found) == [XZ, ZSTD, BZ2]
    whole = len(lzma.compress(DATA, preset=9))
    assert whole - 100 < found[XZ] < whole
    assert found[BZ2] == len(bz2.compress(DATA, 9))
    assert max(found.values()) < len(DATA) / 3


@pytest.mark.parametrize("data", [b"", b"a", b"\x00" * 70_000])
def test_any_bytes_will_do(data) -> None:
    assert max(compressed_sizes(data).values()) < 100


def test_zstd_is_left_out_where_it_is_not_installed(monkeypatch) -> None:
    def missing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(compressors, "import_module", missing)
    assert list(compressed_sizes(DATA)) == [XZ, BZ2]
