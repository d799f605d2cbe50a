"""Words as ids, each with its exact place."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytelatent.data.documents import vocabulary
from bytelatent.tokenizers.base import Tokenizer
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID
from bytelatent.tokenizers.words import UNK, UNK_ID, WordTokenizer, split

FITTED = WordTokenizer(add_bos=False, add_eos=False).fit(["the cat sat on the mat .", "the dog"])
PIECES = st.sampled_from(
    [
        "Élan",
        "e\u0301",
        "\u200d",
        " ",
        "\r\n",
        "don't",
        "’",
        "-",
        "1,200.5",
        "हिन्दी",
        "漢字",
        "\ufeff",
        "🙂",
    ]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=12).map("".join))


@settings(max_examples=1000)
@given(TEXTS)
def test_tokens_stand_where_they_say_and_nothing_but_blanks_lies_between(text) -> None:
    done = 0
    tokens = FITTED.tokens(text)
    for token in tokens:
        assert token.text and text[token.start : token.end] == token.text
        assert not text[done : token.start].strip()
        done = token.end
    assert not text[done:].strip()
    assert len(FITTED.encode(text)) == len(tokens)


@given(st.lists(TEXTS, max_size=4), TEXTS)
@settings(max_examples=50)
def test_what_is_saved_is_loaded(tmp_path_factory, texts, other) -> None:
    path = tmp_path_factory.mktemp("words") / "words.json"
    fitted = WordTokenizer().fit(texts)
    fitted.save(path)
    loaded = TokenizerArgs(name="words", init_kwargs={"path": str(path)}).build()
    assert isinstance(loaded, WordTokenizer) and isinstance(loaded, Tokenizer)
    assert loaded.vocab_size == fitted.vocab_size
    for text in [*texts, other]:
        assert loaded.encode(text) == fitted.encode(text)
    for text in texts:
        assert UNK_ID not in fitted.encode(text)
        assert fitted.decode(fitted.encode(text)) == " ".join(t.text for t in split(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 3.5 m.", ["It's", "3.5", "m", "."]),
        ("l’homme well-known -- 1,200,", ["l’homme", "well-known", "-", "-", "1,200", ","]),
        ("हिन्दी 漢字かな e\u0301te\u0301", ["हिन्दी", "漢", "字", "かな", "e\u0301te\u0301"]),
        ("<unk> a_b", ["<", "unk", ">", "a_b"]),
        ("1.2b", ["1", ".", "2b"]),
        ("", []),
    ],
)
def test_what_a_word_is(text, words) -> None:
    assert [token.text for token in split(text)] == words


def test_the_vocabulary_is_fixed_and_ordered_by_frequency() -> None:
    assert FITTED.encode("the cat saw the mat") == [5, 7, UNK_ID, 5, 9]
    assert FITTED.decode([BOS_ID, 5, UNK_ID, EOS_ID]) == f"the {UNK}"
    assert FITTED.vocab_size == 12
    with pytest.raises(ValueError, match="fitted already"):
        FITTED.fit(["more"])
    small = WordTokenizer().fit(["b b a c"], vocab_size=7)
    assert small.vocab_size == 7 and small.encode("a b c") == [BOS_ID, 6, 5, UNK_ID, EOS_ID]
    rare = WordTokenizer().fit(["b b a c"], min_count=2)
    assert rare.decode(rare.encode("a b c")) == f"{UNK} b {UNK}"
    assert WordTokenizer().fit([]).encode("a", add_bos=False, add_eos=False) == [UNK_ID]


def test_use_before_fit_is_refused(tmp_path) -> None:
    new = TokenizerArgs(name="words").build()
    assert isinstance(new, WordTokenizer)
    for use in (
        lambda: new.encode("a"),
        lambda: new.decode([5]),
        lambda: new.tokens("a"),
        lambda: new.vocab_size,
        lambda: new.save(tmp_path / "words.json"),
    ):
        with pytest.raises(ValueError, match=r"no vocabulary yet: call fit\(texts\)"):
            use()
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_used_is_named(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"none\.json does not exist"):
        WordTokenizer.load(tmp_path / "none.json")
    path = tmp_path / "bad.json"
    for content, named in (
        ([], "no vocabulary"),
        ({"kind": "bpe", "words": []}, "no vocabulary"),
        ({"kind": "words", "words": ["a", "a"]}, "twice"),
        ({"kind": "words", "words": [1]}, "empty"),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match=rf"bad\.json .*{named}"):
            WordTokenizer(path)
    with pytest.raises(ValueError, match="vocab_size: 5 has no room"):
        WordTokenizer().fit(["a"], vocab_size=5)
    with pytest.raises(ValueError, match="token id 12 is outside"):
        FITTED.decode([12])
    with pytest.raises(ValueError, match="lone surrogate"):
        FITTED.encode("\ud800")
    with pytest.raises(ValueError, match="init_kwargs"):
        TokenizerArgs(name="words", init_kwargs={"lower": True}).build()


def test_models_are_not_trained_on_words() -> None:
    with pytest.raises(ValueError, match=r"data\.tokenizer: .*'words'"):
        vocabulary(TokenizerArgs(name="words"))


@pytest.mark.parametrize("piece", ["a", "1,", "a-", "'", "\u0301", "漢", " "])
def test_one_endless_line_is_split_in_linear_time(piece) -> None:
    assert sum(token.end - token.start for token in split(piece * 300_000)) % 300_000 == 0
