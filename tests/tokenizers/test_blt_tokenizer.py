"""The byte tokenizer: ids of the released vocabulary, exact both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytelatent.tokenizers.blt_tokenizer import BltTokenizer, StreamDecoder
from bytelatent.tokenizers.build import TokenizerArgs
from bytelatent.tokenizers.constants import BOE_ID, BOS_ID, EOS_ID, OFFSET, PAD_ID, VOCAB_SIZE

TOKENIZER = BltTokenizer()


def test_ids_are_those_of_the_released_vocabulary() -> None:
    assert (BOE_ID, BOS_ID, EOS_ID, PAD_ID, OFFSET, VOCAB_SIZE) == (0, 1, 2, 3, 4, 260)
    assert TOKENIZER.encode("é") == [1, 0xC3 + 4, 0xA9 + 4, 2]
    assert TOKENIZER.vocab_size == 260


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize("eos", [True, False])
def test_specials_on_request(bos: bool, eos: bool) -> None:
    expected = [BOS_ID] * bos + [ord("a") + OFFSET] + [EOS_ID] * eos
    assert TOKENIZER.encode("a", add_bos=bos, add_eos=eos) == expected
    assert BltTokenizer(add_bos=bos, add_eos=eos).encode("a") == expected


@given(st.binary(max_size=300))
def test_any_bytes_come_back(data: bytes) -> None:
    assert TOKENIZER.decode_bytes(TOKENIZER.encode_bytes(data)) == data


@given(st.text(max_size=200))
def test_any_text_comes_back(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_lossy_only_on_request() -> None:
    ids = TOKENIZER.encode_bytes(b"a\xffb")
    with pytest.raises(UnicodeDecodeError):
        TOKENIZER.decode(ids)
    assert TOKENIZER.decode(ids, errors="replace") == "a\ufffdb"
    assert TOKENIZER.decode(ids, errors="ignore") == "ab"


@pytest.mark.parametrize("token", [-1, 260, 10_000])
def test_ids_outside_the_vocabulary_are_named(token: int) -> None:
    with pytest.raises(ValueError, match=f"token id {token} "):
        TOKENIZER.decode([token])


def test_lone_surrogates_are_named() -> None:
    with pytest.raises(ValueError, match="surrogate U\\+D800 at character 1"):
        TOKENIZER.encode("a\ud800")


@given(st.text(max_size=60))
def test_streaming_never_splits_a_character(text: str) -> None:
    decoder = TOKENIZER.stream_decoder()
    pieces = [decoder.push(token) for token in TOKENIZER.encode(text)]
    assert "".join(pieces) + decoder.finish() == text
    assert not any("\ufffd" in piece for piece in pieces) or "\ufffd" in text


@given(st.binary(max_size=60))
def test_streaming_equals_decoding_at_once(data: bytes) -> None:
    decoder = StreamDecoder()
    streamed = "".join(decoder.push(byte + OFFSET) for byte in data) + decoder.finish()
    assert streamed == data.decode("utf-8", errors="replace")


def test_built_by_name() -> None:
    assert TokenizerArgs().build().encode("a") == [BOS_ID, ord("a") + OFFSET, EOS_ID]
    plain = TokenizerArgs(name="blt", init_kwargs={"add_bos": False, "add_eos": False}).build()
    assert plain.encode("a") == [ord("a") + OFFSET]
    with pytest.raises(ValueError, match="init_kwargs"):
        TokenizerArgs(init_kwargs={"add_boss": True}).build()
