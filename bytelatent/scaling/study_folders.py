"""Where a study keeps what it makes, and the text, entropies and vocabulary of its training."""

import logging
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bytelatent.data.documents import read_documents
from bytelatent.data.held_out import held_out
from bytelatent.data.sources import find_chunks
from bytelatent.files import json_text, read_json, write_json, write_text
from bytelatent.scaling.args import CorpusArgs, ScalingArgs
from bytelatent.tokenizers.bpe_tokenizer import BpeTokenizer, train_bpe

logger = logging.getLogger(__name__)

ENDS = 2
"""BOS and EOS of a document."""

BATCH_BYTES = 16_384
"""Bytes, padding included, whose entropies are measured at once."""


@dataclass(frozen=True)
class Vocabulary:
    """A trained vocabulary.

    Attributes:
        path: of its file.
        size: ids.
        lengths: what a token of every source holds, in tokens of a byte model: on the training
            text, with the ends of documents.
    """

    path: Path
    size: int
    lengths: dict[str, float]


class Places:
    """Files and folders of a study."""

    def __init__(self, args: ScalingArgs) -> None:
        self.args = args
        self.text = args.folder / "text"
        self.entropies = args.folder / "entropies"
        self.tokenizer = args.folder / "tokenizer.json"

    def run(self, name: str) -> Path:
        """The folder of a run."""
        return self.args.folder / name

    def record(self, name: str) -> Path:
        """The record of a run."""
        return self.args.out / f"{name}.json"


def prepare_text(args: ScalingArgs) -> None:
    """Draw the documents of training and validation, if that is not done.

    Raises:
        ValueError: a source is missing, or the folder holds the text of other settings.
    """
    corpus, folder = args.corpus, Places(args).text
    about, done = corpus.model_dump(mode="json") | {"root_dir": None}, folder / "corpus.json"
    if done.is_file():
        if read_json(done) != about:
            raise ValueError(f"corpus: {done} says other settings; choose another folder")
        return
    logger.info("drawing %.1f MB of training text", corpus.train_bytes / 1e6)
    for source, share in corpus.shares().items():
        _write(folder / "train" / f"{source}.jsonl", _drawn(corpus, source, share))
        (found,) = held_out(
            corpus.root_dir, "valid", [source], limit=max(1, int(share * corpus.valid_bytes))
        )
        _write(folder / "valid" / f"{source}.jsonl", found.documents)
    write_json(done, about)


def prepare_entropies(args: ScalingArgs, stopped: Callable[[], bool]) -> None:
    """Measure the entropies of the drawn text, shard by shard; what is done stays.

    Args:
        args: the study.
        stopped: whether to leave before the next shard.

    Raises:
        ValueError: the entropy model is missing, or the folder holds those of another.
    """
    # Needs pyarrow, which families without entropies do not.
    from bytelatent.preprocess.args import PreprocessArgs
    from bytelatent.preprocess.shards import find_work, load_model, measure_shard

    places = Places(args)
    given = PreprocessArgs(
        input=places.text,
        output=places.entropies,
        entropy_model=args.entropy_model,
        dtype=args.entropy_dtype,
        batch_bytes=BATCH_BYTES,
    )
    work, _ = find_work(given)
    model = load_model(given, 0) if work else None
    for number, one in enumerate(work, start=1):
        if stopped():
            return
        assert model is not None
        logger.info("measuring entropies of %s (%d of %d)", one.source, number, len(work))
        measure_shard(one, model, given)


def prepare_vocabulary(args: ScalingArgs) -> Vocabulary:
    """Learn the vocabulary of the drawn training text, if that is not done.

    Raises:
        ValueError: the folder holds a vocabulary of another size.
    """
    places = Places(args)
    about_path = places.tokenizer.with_suffix(".about.json")
    if not about_path.is_file():
        logger.info("learning a vocabulary of %d tokens", args.vocab_size)
        texts = (text for _, text in _training_texts(places))
        train_bpe(texts, args.vocab_size, places.tokenizer)
        bpe = BpeTokenizer(str(places.tokenizer), add_bos=False, add_eos=False)
        sizes, tokens = Counter[str](), Counter[str]()
        for source, text in _training_texts(places):
            sizes[source] += len(text.encode()) + ENDS
            tokens[source] += len(bpe.encode(text)) + ENDS
        about: dict[str, Any] = {
            "asked": args.vocab_size,
            "size": bpe.vocab_size,
            "lengths": {source: sizes[source] / tokens[source] for source in sizes},
        }
        write_json(about_path, about)
    about = read_json(about_path)
    if about["asked"] != args.vocab_size:
        raise ValueError(
            f"vocab_size: {places.tokenizer} was made for {about['asked']} ids, not "
            f"{args.vocab_size}; choose another folder"
        )
    return Vocabulary(places.tokenizer, about["size"], about["lengths"])


def _drawn(corpus: CorpusArgs, source: str, share: float) -> list[bytes]:
    """Whole documents of a source from all over it, as many as its share asks for."""
    paths = find_chunks(corpus.root_dir, "train", source)
    documents = [document for path in paths for document in read_documents(path) if document]
    rng = np.random.default_rng([corpus.seed, zlib.crc32(source.encode())])
    found: list[bytes] = []
    size = 0
    for index in rng.permutation(len(documents)):
        if size >= share * corpus.train_bytes:
            break
        found.append(documents[index])
        size += len(documents[index])
    return found


def _write(path: Path, documents: list[bytes]) -> None:
    lines = (json_text({"text": data.decode("utf-8")}, indent=None) for data in documents)
    write_text(path, "".join(lines))


def _training_texts(places: Places) -> Iterator[tuple[str, str]]:
    """Sources with their documents."""
    for path in sorted((places.text / "train").glob("*.jsonl")):
        for document in read_documents(path):
            yield path.stem, document.decode("utf-8")
