"""BPE pieces: they cover the bytes, whatever the text; Llama 3 comes from a package of its own."""

import base64
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytelatent.tokenizers import bpe
from bytelatent.tokenizers.bpe import BUNDLED, BpeUnavailableError, check_available, piece_lengths

pytest.importorskip("quicktok")


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
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
@settings(max_examples=60, deadline=None)
def test_pieces_cover_the_bytes(name: bpe.BpeName, text: str) -> None:
    lengths = piece_lengths(name, text)
    assert all(length > 0 for length in lengths)
    assert sum(lengths) == len(text.encode())


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
