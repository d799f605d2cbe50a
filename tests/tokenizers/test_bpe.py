"""BPE pieces: those of quicktok, whatever the text; Llama 3 comes from a package of its own."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytelatent.tokenizers import bpe
from bytelatent.tokenizers.bpe import BUNDLED, BpeUnavailableError, check_available, piece_lengths

quicktok = pytest.importorskip("quicktok")

ROOT = Path(__file__).parents[2]
SIGNS = (
    *(" ", "  ", "\n", "\r\n", "\t", "\x1c", "\x85", "\u00a0", "\u2028", "\u3000", "\ufeff"),
    *("'", "'s", "'LL", "'re", "'\u017f", "a", "b", "A", "AB", "Ab", "the", " the", "don't", "I'M"),
    *("1", "12", "\u0663", "\u2167", "\u00b2", "/", "//", "!", "?!", "...", "-", "<|endoftext|>"),
    *("\u00e9", "\u00c9", "\u01c5", "\u00df", "\u4e2d", "\u306e", "\u0627", "\u02b0", "\u00aa"),
    *("\u0301", "\u0903", "\u0345", "\U000e0100", "\U000e01f0", "\U0010ffff", "\U0001f642"),
    *("\U0001d518", "\U0001d7d9", "\U0001f468\u200d\U0001f469", "\x00", "\x7f"),
)
"""Of all classes that the patterns know, at their edges."""

any_text = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.lists(st.sampled_from(SIGNS), max_size=40).map("".join),
)


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe, "_LOADED", {})


@pytest.mark.parametrize("name", BUNDLED)
def test_known_tokens(name: bpe.BpeName) -> None:
    assert piece_lengths(name, "Hello world!") == [5, 6, 1]
    assert piece_lengths(name, "") == []


def test_vocabularies_differ() -> None:
    text = "नमस्ते दुनिया"
    assert len(piece_lengths("o200k_base", text)) < len(piece_lengths("cl100k_base", text))


@pytest.mark.parametrize("name", BUNDLED)
def test_special_tokens_are_text(name: bpe.BpeName) -> None:
    assert len(piece_lengths(name, "<|endoftext|>")) > 1


@pytest.mark.parametrize("name", BUNDLED)
@given(text=any_text)
@settings(max_examples=300, deadline=None)
def test_pieces_are_those_of_quicktok(name: bpe.BpeName, text: str) -> None:
    assert piece_lengths(name, text) == by_quicktok(name, text)


@pytest.mark.parametrize("name", BUNDLED)
def test_languages_and_code(name: bpe.BpeName) -> None:
    articles = json.loads((ROOT / "app" / "udhr.json").read_text())["texts"]
    code = [path.read_text() for path in sorted((ROOT / "app").glob("*.py"))]
    assert len(articles) == 16
    for text in ["\n".join(code), *(article["text"] for article in articles)]:
        assert piece_lengths(name, text) == by_quicktok(name, text)


def by_quicktok(name: bpe.BpeName, text: str) -> list[int]:
    whole = quicktok.get_encoding(name)
    tokens = whole.encode_ordinary(text)
    return [len(whole.decode_single_token_bytes(token)) for token in tokens]


@pytest.mark.parametrize("piece", ["a", "A", " ", "\n ", "\u0301", "\u4e2d", "1", "!"])
def test_long_runs_are_those_of_quicktok(piece: str) -> None:
    text = piece * 5000 + "x"
    for name in BUNDLED:
        assert piece_lengths(name, text) == by_quicktok(name, text)


def test_vocabularies_take_little_memory() -> None:
    """quicktok's own tables take 100 MB, which is more than both models."""
    code = """
import tracemalloc
from bytelatent.tokenizers.bpe import BUNDLED, piece_lengths
import numpy
tracemalloc.start()
for name in BUNDLED:
    piece_lengths(name, "Hello \u4e2d")
import sys
print(tracemalloc.get_traced_memory()[0], "quicktok" in sys.modules)
"""
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    size, imported = found.stdout.split()
    assert int(size) < 10_000_000
    assert imported == "False", "its tables are loaded in C++, which is not counted here"


def test_a_damaged_vocabulary_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unloaded: None
) -> None:
    (tmp_path / "cl100k.vocab").write_bytes(b"no ranks")
    monkeypatch.setattr(bpe, "_data", lambda: tmp_path)
    with pytest.raises(BpeUnavailableError, match=r"cl100k\.vocab holds no ranks"):
        piece_lengths("cl100k_base", "a")
    with pytest.raises(BpeUnavailableError, match=r"o200k\.vocab holds no ranks"):
        piece_lengths("o200k_base", "a")


@pytest.mark.parametrize("content", [b"", b"\x01\x00\x00\x00", b"\xff" * 64])
def test_damaged_classes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    path = tmp_path / "uniclass_o200k.bin"
    path.write_bytes(content)
    piece_lengths("cl100k_base", "a")
    monkeypatch.setattr(bpe, "_data", lambda: tmp_path)
    with pytest.raises(BpeUnavailableError, match=r"uniclass_o200k\.bin cannot be read"):
        piece_lengths("cl100k_base", "a")


def test_a_token_may_end_within_a_character() -> None:
    assert sum(piece_lengths("cl100k_base", "ፀሐይ")) == 9
    assert len(piece_lengths("cl100k_base", "ፀሐይ")) > 3


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        piece_lengths("cl100k_base", "a\ud800")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, unloaded: None) -> None:
    monkeypatch.setattr(bpe, "find_spec", lambda name: None)
    with pytest.raises(BpeUnavailableError, match="pip install quicktok-v1"):
        piece_lengths("cl100k_base", "a")


def llama_models(folder: Path, ranks: bytes) -> None:
    """A package as Meta's is laid out, with ranks of our own."""
    package = folder / "llama_models"
    (package / "llama3").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('is never imported')")
    (package / "llama3" / "tokenizer.model").write_bytes(ranks)


def test_llama3_is_not_the_one_that_quicktok_brings(
    monkeypatch: pytest.MonkeyPatch, unloaded: None
) -> None:
    find = bpe.find_spec
    monkeypatch.setattr(bpe, "find_spec", lambda n: None if n == "llama_models" else find(n))
    with pytest.raises(BpeUnavailableError, match="llama-models"):
        check_available("llama3")


def test_llama3_from_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unloaded: None
) -> None:
    tokens = [bytes([i]) for i in range(256)] + [b"th", b"the"]
    lines = [base64.b64encode(token) + f" {rank}".encode() for rank, token in enumerate(tokens)]
    llama_models(tmp_path, b"\n".join(lines) + b"\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    check_available("llama3")
    assert piece_lengths("llama3", "the thé") == [3, 1, 2, 1, 1]


def test_damaged_ranks_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unloaded: None
) -> None:
    llama_models(tmp_path, b"no base64, no rank\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(BpeUnavailableError, match=r"tokenizer\.model holds no ranks"):
        piece_lengths("llama3", "a")
