"""BPE: the bytes of a text's tokens are the bytes of the text."""

import pytest

from bytelatent.tokenizers.bpe_tokenizer import BpeTokenizer, train_bpe
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET, VOCAB_SIZE

TEXTS = ["green bottles are hanging on the wall", "navires qui n’avaient jamais navigué"] * 3
HARD = ["", "  two spaces\n\n\ttab", "né 中文 🙂 عربى", "<s> <bos> \x00 </s>", "e\u0301 \u00e9"]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    train_bpe(TEXTS, 300, path)
    return path


def test_nothing_of_a_text_is_lost(path) -> None:
    bpe = TokenizerArgs(name="bpe", init_kwargs={"path": str(path)}).build()
    assert isinstance(bpe, BpeTokenizer)
    assert bpe.vocab_size == 300
    for text in TEXTS + HARD:
        ids = bpe.encode(text)
        assert (ids[0], ids[-1]) == (BOS_ID, EOS_ID)
        assert all(OFFSET <= token < 300 for token in ids[1:-1])
        assert bpe.decode(ids) == text
        assert sum(bpe.token_sizes[token] for token in ids) == len(text.encode())
    assert len(bpe.encode(TEXTS[0], add_bos=False, add_eos=False)) < len(TEXTS[0]) / 2


def test_every_byte_has_a_token(path) -> None:
    bpe = BpeTokenizer(str(path))
    singles = [token for token in range(bpe.vocab_size) if bpe.token_sizes[token] == 1]
    assert bpe.token_sizes[:OFFSET] == [0] * OFFSET
    assert {bpe.decode_bytes([token]) for token in singles} == {bytes([b]) for b in range(256)}


def test_the_same_texts_give_the_same_vocabulary(path, tmp_path) -> None:
    train_bpe(iter(TEXTS), 300, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_what_cannot_be_read_is_named(path, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"none\.json does not exist"):
        BpeTokenizer(str(tmp_path / "none.json"))
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match=r"bad\.json is no vocabulary"):
        BpeTokenizer(str(tmp_path / "bad.json"))
    foreign = path.read_text(encoding="utf-8").replace('"Ġ"', '"\u4e2d"')
    (tmp_path / "foreign.json").write_text(foreign, encoding="utf-8")
    with pytest.raises(ValueError, match="no vocabulary"):
        BpeTokenizer(str(tmp_path / "foreign.json"))
    with pytest.raises(ValueError, match="vocab_size: 259 has no room"):
        train_bpe(TEXTS, VOCAB_SIZE - 1, tmp_path / "small.json")
    with pytest.raises(ValueError, match="token id 300 is outside"):
        BpeTokenizer(str(path)).decode([300])
    with pytest.raises(ValueError, match="init_kwargs"):
        TokenizerArgs(name="bpe").build()
    with pytest.raises(ValueError, match="lone surrogate"):
        BpeTokenizer(str(path)).encode("\ud800")
