"""Rows of tokens in place of bytes, from the loader to the trainer."""

import json
import math

import pytest
import torch

from bytelatent.data.args import DataArgs
from bytelatent.data.loader import Loader
from bytelatent.loading import load_text_model
from bytelatent.metrics import read_metrics
from bytelatent.tokenizers.bpe_tokenizer import BpeTokenizer, train_bpe
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, OFFSET
from bytelatent.training.trainer import Trainer
from tests import tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("vocabulary")
    tiny.write_corpus(root / "corpus")
    texts = [
        json.loads(line)["text"]
        for path in sorted((root / "corpus" / "train").iterdir())
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    train_bpe(texts, 300, root / "bpe.json")
    return root


def data_args(root, **changes) -> DataArgs:
    tokenizer = {"name": "bpe", "init_kwargs": {"path": str(root / "bpe.json")}}
    settings = {"root_dir": root / "corpus", "sources": {"songs": 1, "vers": 1}, "seq_len": 24}
    return DataArgs.model_validate(settings | {"batch_size": 2, "tokenizer": tokenizer} | changes)


def test_rows_hold_whole_documents_as_tokens(root) -> None:
    args = data_args(root, sources={"songs": 1}, batch_size=1)
    bpe = BpeTokenizer(str(root / "bpe.json"))
    loader = Loader(args, "train")
    stream, sizes = [], 0
    for _ in range(60):
        batch = next(loader)
        stream += batch.tokens_BS[0].tolist()
        sizes += int(batch.sizes_BS.sum())
        assert torch.equal(batch.counted_BS, batch.targets_BS >= OFFSET)
    stream.append(int(batch.targets_BS[0, -1]))
    assert sizes == len(bpe.decode_bytes(stream)), "every byte counts in the token it is part of"
    ends = [place for place, token in enumerate(stream) if token == EOS_ID]
    document = stream[: ends[0] + 1]
    assert document[0] == BOS_ID
    path = root / "corpus" / "train" / "songs.jsonl"
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    assert bpe.decode(document) in texts


def test_bits_per_byte_of_tokens_count_bytes(root, tmp_path) -> None:
    args = tiny.run_args(
        root / "corpus",
        tmp_path / "run",
        data=data_args(root).model_dump(),
        steps=4,
        log_every=4,
        entropy_model=tiny.LM | {"sliding_window": 24, "vocab_size": 300},
    )
    trainer = Trainer(args, lambda _: None)
    batch = next(Loader(args.data, "train"))
    logits = trainer.model(batch.tokens_BS).log_softmax(-1)
    nats = -logits.gather(-1, batch.targets_BS[..., None])[..., 0]
    expected = (
        float(nats.detach()[batch.counted_BS].sum()) / math.log(2) / int(batch.sizes_BS.sum())
    )
    trainer.held_out = [batch]
    assert trainer.evaluate()[""] == pytest.approx(expected, rel=1e-5)
    assert trainer.run()
    first = read_metrics(args.dump_dir / "metrics.jsonl")[0]
    assert first["bytes_per_token"] > 1.5
    assert first["bytes"] > 4 * 2 * 24
    with pytest.raises(ValueError, match="reads tokens of 'bpe'"):
        load_text_model(str(args.dump_dir / "model"))


def test_a_vocabulary_that_does_not_fit_is_refused(root, tmp_path) -> None:
    settings = {"data": data_args(root).model_dump()}
    with pytest.raises(ValueError, match="300 ids, the model's vocab_size is 260"):
        Trainer(tiny.run_args(root / "corpus", tmp_path, **settings), lambda _: None)
    with pytest.raises(ValueError, match="a blt reads bytes"):
        tiny.run_args(root / "corpus", tmp_path, blt=tiny.BLT, patcher={}, **settings)
