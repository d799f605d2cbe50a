"""Documents as bytes and as tokens."""

from bytelatent.data.documents import read_documents, tokenize
from bytelatent.tokenizers.blt_tokenizer import BltTokenizer
from tests.data.shards import write_shard


def test_documents_are_tokenized_as_the_tokenizer_does() -> None:
    for text in ("", "abc", "é漢"):
        assert tokenize(text.encode()).tolist() == BltTokenizer().encode(text)


def test_documents_are_read_as_bytes(tmp_path) -> None:
    path = write_shard(tmp_path / "a.jsonl.zst", ["abc", "é漢"])
    assert list(read_documents(path)) == [b"abc", "é漢".encode()]
