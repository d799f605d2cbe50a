"""Shards of the preprocessing: look-up, check of finished shards, measuring and writing."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from pyarrow import ipc

from bytelatent.data.arrow_files import ENTROPIES
from bytelatent.data.formats import FORMATS, open_shard
from bytelatent.data.readers import BadRecordError
from bytelatent.distributed.devices import find_device, warn_of_slow_bf16
from bytelatent.files import replacing
from bytelatent.formats.file_names import MODEL_FILES, MODEL_NEEDS
from bytelatent.formats.find import model_folder
from bytelatent.formats.released import find_checkpoint
from bytelatent.formats.stored_names import weight_files
from bytelatent.formats.weights import DTYPES
from bytelatent.preprocess.args import PreprocessArgs
from bytelatent.preprocess.batched_entropies import measure
from bytelatent.transformer import LMTransformer

logger = logging.getLogger(__name__)

METADATA = b"bytelatent.preprocess"
"""Key in the metadata of an Arrow schema; its value is JSON that describes how the entropies were
made."""

TEXT = "text"

NAMED_BAD_LINES = 20

BATCHES_AT_ONCE = 256
"""Number of batches whose documents are read, sorted by length and written together."""


@dataclass(frozen=True)
class Work:
    """One shard to measure.

    Attributes:
        source: path of the text.
        target: path of the Arrow shard.
        origin: description that the finished shard stores; if it differs, the shard is not done.
    """

    source: Path
    target: Path
    origin: dict[str, Any]


def find_work(args: PreprocessArgs) -> tuple[list[Work], int]:
    """Return the shards that must be measured, and the number of shards that are done.

    Raises:
        ValueError: there is no shard, two shards would get the same name, the model cannot be used,
            or a shard in the output was made in another way and ``override`` is not set.
    """
    sources = _sources(args.input)
    common = describe(args)
    work: dict[Path, Work] = {}
    done = 0
    for source, stem in sources:
        relative = source.relative_to(args.input)
        target = args.output / relative.parent / f"{stem}.arrow"
        if target in work:
            raise ValueError(
                f"input: {work[target].source} and {source} would both become {target}; "
                "rename one of them"
            )
        size = source.stat().st_size
        origin = common | {"source": relative.as_posix(), "source_bytes": size}
        work[target] = Work(source, target, origin)
    for shard in list(work.values()):
        if is_done(shard, override=args.override):
            del work[shard.target]
            done += 1
    return list(work.values()), done


def _sources(folder: Path) -> list[tuple[Path, str]]:
    """Return the text files in ``folder``, sorted, and their names without the ending."""
    if not folder.is_dir():
        raise ValueError(f"input: {folder} is no folder")
    files = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        ending = next((suffix for suffix in FORMATS if path.name.endswith(suffix)), None)
        if ending and not hidden and path.is_file():
            files.append((path, path.name.removesuffix(ending)))
    if not files:
        raise ValueError(f"input: {folder} holds no shard, that is no file {', '.join(FORMATS)}")
    return files


def describe(args: PreprocessArgs) -> dict[str, Any]:
    """Describe how the shards of a run are made.

    Raises:
        ValueError: the entropy model does not exist, or cannot measure texts of any length.
    """
    folder = model_folder(args.entropy_model, MODEL_FILES, needed=MODEL_NEEDS)
    checkpoint = find_checkpoint(folder, LMTransformer.kind)
    if checkpoint.args.window is None:
        raise ValueError(
            f"entropy_model: {args.entropy_model} has no sliding window, and so no bound on the "
            "memory that a long text takes; choose one that has"
        )
    digest = hashlib.sha256()
    for path in weight_files(checkpoint.weights):
        if not path.is_file():
            raise ValueError(f"entropy_model: {path} does not exist")
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
    return {
        "entropy_model": args.entropy_model,
        "sha256": digest.hexdigest(),
        "window": checkpoint.args.window,
        "dtype": args.dtype,
        "tokenizer": "blt: BOS, UTF-8 bytes, EOS",
        "unit": "nats",
        "text_key": args.text_key,
    }


def is_done(work: Work, *, override: bool) -> bool:
    """Return whether the shard exists, is complete, and was made in the same way.

    Raises:
        ValueError: the shard was made in another way, and ``override`` is not set.
    """
    if not work.target.exists():
        return False
    try:
        with pa.OSFile(str(work.target)) as file:
            metadata = ipc.open_file(file).schema.metadata or {}
    except pa.ArrowInvalid:  # not written by this command, which moves whole files into place
        logger.warning("%s is no whole Arrow file and is written anew", work.target)
        return False
    there = json.loads(metadata.get(METADATA, b"{}"))
    # The same weights may stand under another name.
    changed = [
        key for key in work.origin if key != "entropy_model" and there.get(key) != work.origin[key]
    ]
    if not changed:
        return True
    if override:
        return False
    if not there:
        raise ValueError(f"output: {work.target} was not made by this command; move it away")
    key = changed[0]
    raise ValueError(
        f"output: {work.target} was made by {there.get('entropy_model')} with {key} "
        f"{there.get(key)}, not {work.origin[key]}; choose another folder, or have it written anew "
        "with override=true"
    )


def load_model(args: PreprocessArgs, rank: int) -> LMTransformer:
    """Load the entropy model of a task on its device.

    Raises:
        ValueError: the model or the device does not exist.
    """
    device = find_device(args.device)
    if args.device == "cuda":
        device = torch.device("cuda", rank % torch.cuda.device_count())
    if args.dtype == "bf16":
        warn_of_slow_bf16(device)
    dtype = DTYPES[args.dtype]
    return LMTransformer.from_pretrained(args.entropy_model, dtype=dtype).to(device)


def measure_shard(work: Work, model: LMTransformer, args: PreprocessArgs) -> dict[str, int]:
    """Write the shard completely or not at all; return its counts.

    The counts are ``documents``, ``bytes`` and ``bad_lines``.

    Raises:
        ValueError: a line is invalid and must not be skipped, or the file is damaged.
    """
    counts = {"documents": 0, "bytes": 0, "bad_lines": 0}
    schema = pa.schema(
        [(TEXT, pa.string()), (ENTROPIES, pa.list_(pa.float32()))],
        metadata={METADATA: json.dumps(work.origin)},
    )
    with (
        replacing(work.target) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        ipc.new_file(file, schema) as writer,
    ):
        for texts in _groups(_texts(work, args, counts), BATCHES_AT_ONCE * args.batch_bytes):
            nats = measure(model, [text.encode() for text in texts], batch_bytes=args.batch_bytes)
            writer.write_batch(pa.record_batch([texts, nats], schema=schema))
            counts["documents"] += len(texts)
            counts["bytes"] += sum(map(len, nats)) - 2 * len(nats)
    if counts["bad_lines"]:
        logger.warning("%s: %d bad lines were skipped", work.source, counts["bad_lines"])
    return counts


def _texts(work: Work, args: PreprocessArgs, counts: dict[str, int]) -> Iterator[str]:
    shard = open_shard(work.source, args.text_key)
    try:
        for record in shard.records():
            try:
                yield shard.document(record).data.decode()
            except BadRecordError as error:
                if args.on_bad_line == "error":
                    raise
                counts["bad_lines"] += 1
                if counts["bad_lines"] <= NAMED_BAD_LINES:
                    logger.warning("skipped %s", error)
    finally:
        shard.close()


def _groups(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield lists of texts of about ``size`` characters each."""
    group: list[str] = []
    total = 0
    for text in texts:
        group.append(text)
        total += len(text)
        if total >= size:
            yield group
            group, total = [], 0
    if group:
        yield group
