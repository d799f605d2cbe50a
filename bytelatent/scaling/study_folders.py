"""Files and folders of a study, and the preparation of its text, entropies and vocabulary."""

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
from bytelatent.scaling.args import ScalingArgs, ScalingCorpusArgs
from bytelatent.tokenizers.bpe_tokenizer import BpeTokenizer, train_bpe

logger = logging.getLogger(__name__)

ENDS = 2
"""Number of tokens that mark the ends of a document: BOS and EOS."""

BATCH_BYTES = 16_384
"""Number of bytes in a batch for measuring entropies, padding included."""


@dataclass(frozen=True)
class BpeVocabulary:
    """A trained BPE vocabulary.

    Attributes:
        path: path of its file.
        size: number of ids.
        lengths: mean length of a token by source, in tokens of a byte model, on the training text
            with the ends of documents.
    """

    path: Path
    size: int
    lengths: dict[str, float]


class StudyPaths:
    """Paths of the files and folders of a study.

    Args:
        args: settings of the study.

    Attributes:
        text: folder of the drawn text.
        entropies: folder of the drawn text with entropies.
        tokenizer: file of the BPE vocabulary.
    """

    def __init__(self, args: ScalingArgs) -> None:
        self.args = args
        self.text = args.folder / "text"
        self.entropies = args.folder / "entropies"
        self.tokenizer = args.folder / "tokenizer.json"

    def run(self, name: str) -> Path:
        """Return the folder of the run ``name``."""
        return self.args.folder / name

    def record(self, name: str) -> Path:
        """Return the path of the record of the run ``name``."""
        return self.args.out / f"{name}.json"


def prepare_text(args: ScalingArgs) -> None:
    """Draw the documents for training and validation, unless that is done.

    Raises:
        ValueError: a source is missing, or the folder contains the text of other settings.
    """
    corpus, folder = args.corpus, StudyPaths(args).text
    about, done = corpus.model_dump(mode="json") | {"root_dir": None}, folder / "corpus.json"
    if done.is_file():
        if read_json(done) != about:
            raise ValueError(f"corpus: {done} says other settings; choose another folder")
        return
    logger.info("drawing %.1f MB of training text", corpus.train_bytes / 1e6)
    for source, share in corpus.shares().items():
        _write(folder / "train" / f"{source}.jsonl", _drawn(corpus, source, share))
        (valid_text,) = held_out(
            corpus.root_dir, "valid", [source], limit=max(1, int(share * corpus.valid_bytes))
        )
        _write(folder / "valid" / f"{source}.jsonl", valid_text.documents)
    write_json(done, about)


def prepare_entropies(args: ScalingArgs, stopped: Callable[[], bool]) -> None:
    """Measure the entropies of the drawn text, shard by shard, except shards that are done.

    Args:
        args: settings of the study.
        stopped: function that returns whether to stop before the next shard.

    Raises:
        ValueError: the entropy model is missing, or the folder contains entropies of another model.
    """
    # These modules need pyarrow; families without entropies do not.
    from bytelatent.preprocess.args import PreprocessArgs
    from bytelatent.preprocess.shards import find_work, load_model, measure_shard

    paths = StudyPaths(args)
    preprocess_args = PreprocessArgs(
        input=paths.text,
        output=paths.entropies,
        entropy_model=args.entropy_model,
        dtype=args.entropy_dtype,
        batch_bytes=BATCH_BYTES,
    )
    work, _ = find_work(preprocess_args)
    model = load_model(preprocess_args, 0) if work else None
    for number, shard in enumerate(work, start=1):
        if stopped():
            return
        assert model is not None
        logger.info("measuring entropies of %s (%d of %d)", shard.source, number, len(work))
        measure_shard(shard, model, preprocess_args)


def prepare_vocabulary(args: ScalingArgs) -> BpeVocabulary:
    """Learn the vocabulary from the drawn training text, unless that is done.

    Raises:
        ValueError: the folder contains a vocabulary of another size.
    """
    paths = StudyPaths(args)
    about_path = paths.tokenizer.with_suffix(".about.json")
    if not about_path.is_file():
        logger.info("learning a vocabulary of %d tokens", args.vocab_size)
        texts = (text for _, text in _training_texts(paths))
        train_bpe(texts, args.vocab_size, paths.tokenizer)
        bpe = BpeTokenizer(str(paths.tokenizer), add_bos=False, add_eos=False)
        sizes, tokens = Counter[str](), Counter[str]()
        for source, text in _training_texts(paths):
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
            f"vocab_size: {paths.tokenizer} was made for {about['asked']} ids, not "
            f"{args.vocab_size}; choose another folder"
        )
    return BpeVocabulary(paths.tokenizer, about["size"], about["lengths"])


def _drawn(corpus: ScalingCorpusArgs, source: str, share: float) -> list[bytes]:
    """Draw whole documents at random from a source, as many as its share needs."""
    paths = find_chunks(corpus.root_dir, "train", source)
    documents = [document for path in paths for document in read_documents(path) if document]
    rng = np.random.default_rng([corpus.seed, zlib.crc32(source.encode())])
    drawn: list[bytes] = []
    size = 0
    for index in rng.permutation(len(documents)):
        if size >= share * corpus.train_bytes:
            break
        drawn.append(documents[index])
        size += len(documents[index])
    return drawn


def _write(path: Path, documents: list[bytes]) -> None:
    lines = (json_text({"text": data.decode("utf-8")}, indent=None) for data in documents)
    write_text(path, "".join(lines))


def _training_texts(paths: StudyPaths) -> Iterator[tuple[str, str]]:
    """Yield every training document with its source."""
    for path in sorted((paths.text / "train").glob("*.jsonl")):
        for document in read_documents(path):
            yield path.stem, document.decode("utf-8")
