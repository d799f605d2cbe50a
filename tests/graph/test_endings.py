"""Sentences as a byte model sees them."""

from pathlib import Path

import numpy as np
import pytest

import bytelatent
from bytelatent.graph import endings
from bytelatent.graph.endings import after_signs, at_blanks, read_documents, sentences, signals
from bytelatent.runtime.entropy_runtime import ByteAnalysis, EntropyRuntime
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from bytelatent.tokenizers.constants import OFFSET, VOCAB_SIZE

MODEL = Path(bytelatent.__file__).parent / "pretrained" / "blt-entropy-mini"


class Made:
    """Thinks that paragraphs end after a sign unless "Mr" precedes, capitals after each sign."""

    name = "made"

    def analyse(self, data: bytes, *, top_k: int = 0) -> ByteAnalysis:
        assert top_k == VOCAB_SIZE
        tokens = np.array(BltTokenizer(add_eos=False).encode_bytes(data))
        likely = np.full((len(tokens), VOCAB_SIZE), 1e-4)
        for row in range(len(tokens)):
            before = data[:row].rstrip(b" ")
            sign = before.endswith((b".", b"?", "”".encode()))
            likely[row, ord("\n") + OFFSET] = 0.3 if sign and before[-3:] != b"Mr." else 1e-3
            likely[row, ord("T" if sign else "t") + OFFSET] = 0.6
        ids = np.broadcast_to(np.arange(VOCAB_SIZE), likely.shape)
        entropies = np.arange(len(tokens), dtype=np.float32)
        return ByteAnalysis(tokens, entropies, entropies[1:], ids, likely.astype(np.float32))


def texts(text: str, **options: object) -> list[str]:
    return [text[start:end] for start, end in sentences(text, Made(), **options)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Mr. Smith came. He saw “it.” They left.",
            ["Mr. Smith came.", "He saw “it.”", "They left."],
        ),
        ("A title\n\nOne line.\nAnother ", ["A title", "One line.", "Another"]),
        ("Né le 3.5? Oui.", ["Né le 3.5?", "Oui."]),
        ("no end at all", ["no end at all"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_sentences(text, expected) -> None:
    assert texts(text) == expected


def test_a_higher_threshold_gives_fewer_and_blanks_need_no_signs() -> None:
    assert texts("One. Two. Three.", threshold=100) == ["One. Two. Three."]
    assert texts("One. Two three.", candidates=at_blanks) == ["One.", "Two three."]


def test_places() -> None:
    text = 'Mr. Bo said "No!" (And left.) v1.2 etc.\n\nOh...  no'
    assert after_signs(text) == [3, 17, 29]
    assert at_blanks(text) == [3, 6, 11, 17, 22, 29, 34]


def test_what_is_said_belongs_to_the_place(monkeypatch) -> None:
    text = "Né. Às 3. " * 40 + "End"
    places = after_signs(text)
    whole = signals(text, places, Made())
    bytes_before = [len(text[:place].encode()) for place in places]
    assert whole.entropy_at.tolist() == bytes_before
    assert whole.entropy_after.tolist() == [one + 1 for one in bytes_before]
    monkeypatch.setattr(endings, "MOST_CHARACTERS", 37)
    pieces = signals(text, places, Made())
    assert pieces.log_odds.tolist() == whole.log_odds.tolist()
    assert pieces.entropy_at.max() < 80, "each piece is measured alone"
    assert signals("", [], Made()).log_odds.shape == (0,)


def test_the_byte_model_that_comes_along_tells_titles_from_ends() -> None:
    model = EntropyRuntime.load(MODEL)
    text = "It was over. She had spoken to Mr. Knightley. They went home."
    assert [text[start:end] for start, end in sentences(text, model)] == [
        "It was over.",
        "She had spoken to Mr. Knightley.",
        "They went home.",
    ]


def test_the_sample_is_what_its_description_says() -> None:
    documents = read_documents()
    assert {one.part for one in documents} == {"tuning", "report"}
    for one in documents:
        assert one.ends <= set(after_signs(one.text)) <= set(at_blanks(one.text)), one.name
    assert len({one.name for one in documents}) == len(documents)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("One.\n", "documents of the parts tuning and report are needed"),
        ("# tuning: a\nOne.\n", "documents of the parts"),
        ("# tuning: a\n\n# report: b\nOne.\n", "'# tuning: a' is followed by no text"),
        ("# other: a\nOne.\n", "not '# PART: NAME'"),
    ],
)
def test_other_files_are_refused(content, named, tmp_path) -> None:
    path = tmp_path / "known.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=named):
        read_documents(path)
    with pytest.raises(ValueError, match=r"none\.txt does not exist"):
        read_documents(tmp_path / "none.txt")
