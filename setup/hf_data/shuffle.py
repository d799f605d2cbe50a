"""Shuffle of more documents than memory holds, resumable and always in the same order.

Every document gets a key, a hash of the seed, its file and its row. It is appended to one of many
buckets by the first digits of its key. Then each bucket in turn is sorted in memory and written.
Therefore the order is that of the keys: it depends neither on the memory nor on interruptions.

    DATA_DIR/train/NAME.chunk.00.jsonl ...    the chunks; each appears when it is complete
    DATA_DIR/valid/NAME.jsonl                 the first documents of the order
    DATA_DIR/NAME.shuffle.json                what they were made from
    DATA_DIR/.NAME.shuffle/                   buckets and progress, gone at the end
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import blake2b
from math import ceil
from pathlib import Path
from typing import Any

from bytelatent.files import fingerprint, read_json, replacing, write_json

from .documents import read_texts, text_bytes

GB = 1_000_000_000
BASE_MEMORY = 110_000_000  # bytes of the interpreter with the readers loaded
MIN_MEMORY = 200_000_000
READER_SHARE = 0.7  # of the memory beyond that; the rest collects lines for the buckets
BUCKET_SHARE = 0.4  # a bucket is read whole, and some are larger than the average
KEY_DIGITS = 32
LINE_OVERHEAD = 80  # bytes that Python adds to a line in memory
COUNTS = ("documents", "empty", "bad_lines")  # of the progress and of the record

FINGERPRINTS = "fingerprints"

Say = Callable[[str], None]
print_now = partial(print, flush=True)


@dataclass(frozen=True)
class Shuffle:
    """Description of a shuffle: its input files, its settings and its output folder.

    `files` maps names, on which the order depends, to paths. `memory` is in bytes. `on_bad_line` is
    `error`, which stops at a record without a usable text, or `skip`, which counts it.
    """

    name: str
    files: dict[str, Path]
    out: Path
    seed: int
    chunks: int
    validation: int
    memory: int
    on_bad_line: str = "error"

    def __post_init__(self) -> None:
        if not self.memory >= MIN_MEMORY:
            memory, least = self.memory / GB, MIN_MEMORY / GB
            raise ValueError(f"MEMORY is {memory:g} GB; give at least {least:g}")
        options = (("nchunks", self.chunks, 1), ("validation", self.validation, 0))
        for option, value, least in (*options, ("seed", self.seed, 0)):
            if value < least:
                raise ValueError(f"--{option} is {value}; it must be {least} or more")

    @property
    def spare(self) -> int:
        """Bytes of memory left for the reader and the buckets."""
        return self.memory - BASE_MEMORY

    @property
    def work(self) -> Path:
        """Folder of buckets and progress."""
        return self.out / f".{self.name}.shuffle"

    @property
    def record(self) -> Path:
        """File that records the settings and files of the chunks."""
        return self.out / f"{self.name}.shuffle.json"

    @property
    def validation_file(self) -> Path:
        """File of the documents left out of training."""
        return self.out / "valid" / f"{self.name}.jsonl"

    def chunk_file(self, number: int) -> Path:
        """Return the path of one of the training files."""
        return self.out / "train" / f"{self.name}.chunk.{number:02d}.jsonl"

    def settings(self) -> dict[str, Any]:
        """Return the settings on which the result depends, without the files."""
        return {"seed": self.seed, "chunks": self.chunks, "validation": self.validation}

    def signature(self) -> dict[str, Any]:
        """Return the settings, and the sizes and fingerprints of files, that decide the result."""
        sizes = {name: path.stat().st_size for name, path in self.files.items()}
        return {**self.settings(), "files": sizes, FINGERPRINTS: self._fingerprints}

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        return {name: fingerprint(path) for name, path in self.files.items()}


@dataclass
class Progress:
    """Progress of the buckets; bytes beyond `sizes` were written before an interruption."""

    signature: dict[str, Any]
    sizes: list[int]  # bytes of each bucket
    done: list[str] = field(default_factory=list)  # names of the files that are in them
    documents: int = 0
    empty: int = 0
    bad_lines: int = 0
    last_validation_key: str | None = None

    def save(self, work: Path) -> None:
        """Write the progress to its file, whole or not at all."""
        write_json(work / "progress.json", self.__dict__, indent=None)


def shuffle(job: Shuffle, say: Say = print_now) -> None:
    """Run the shuffle, or the part of it that is left.

    ValueError for files that cannot be read, bad lines, too few documents, too little disk space,
    or a folder that already holds a complete shuffle of the same name from other files or with
    other settings.
    """
    if is_finished(job):
        shutil.rmtree(job.work, ignore_errors=True)
        say(f"{job.name}: finished before, nothing to do")
        return
    start_record(job, say)
    remove_leftovers(job)
    progress = fill_buckets(job, say)
    if not progress.documents:
        raise ValueError(f"{job.name}: no record of {len(job.files)} files has a text")
    if job.validation >= progress.documents:
        raise ValueError(
            f"--validation is {job.validation}, but there are only {progress.documents} documents; "
            f"keep fewer than {job.validation} for validation, and some for training"
        )
    write_validation(job, progress)
    for number in range(job.chunks):
        if not job.chunk_file(number).exists():
            write_chunk(job, progress, number)
            say(f"wrote {job.chunk_file(number)} ({number + 1} of {job.chunks})")
        for bucket in buckets_of(job, progress, number):
            bucket.unlink(missing_ok=True)
    counts = {name: getattr(progress, name) for name in COUNTS}
    if left_out := {name: count for name, count in counts.items() if count and name != "documents"}:
        say(f"{job.name}: left out {json.dumps(left_out)} of {sum(counts.values())} records")
    write_json(job.record, {**job.signature(), **counts, "complete": True})
    shutil.rmtree(job.work)


def check_record(job: Shuffle, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the record of an earlier run; empty without one.

    ValueError if the earlier run is complete and its record differs from `settings`. A record of an
    older version has no fingerprints; it is compared by the sizes of the files.
    """
    record: dict[str, Any] = read_json(job.record) if job.record.exists() else {}
    different = [
        key
        for key, value in settings.items()
        if record.get(key) != value and (key in record or key != FINGERPRINTS)
    ]
    if record.get("complete") and different:
        raise ValueError(
            f"{job.record} says that {job.name} was made here with other {', '.join(different)}; "
            "remove it and its chunks, or choose another --data_dir"
        )
    return record


def is_finished(job: Shuffle) -> bool:
    """Return whether an earlier run finished this job; ValueError if it finished another one."""
    if not check_record(job, job.signature()).get("complete"):
        return False
    files = [job.chunk_file(number) for number in range(job.chunks)]
    files += [job.validation_file] if job.validation else []
    return all(path.exists() for path in files)


def start_record(job: Shuffle, say: Say) -> None:
    """Write the record of this run; remove the chunks of an unfinished run with other settings.

    A complete record is not changed: only files that are missing since then are made again.
    """
    record = check_record(job, job.signature())
    if record.get("complete"):
        return
    if record and any(record.get(key) != value for key, value in job.signature().items()):
        say(f"{job.name}: begun before with other settings or files, and not finished; begun anew")
        for number in range(record["chunks"]):
            job.chunk_file(number).unlink(missing_ok=True)
        job.validation_file.unlink(missing_ok=True)
    write_json(job.record, {**job.signature(), "complete": False})


def remove_leftovers(job: Shuffle) -> None:
    """Remove the half-written files of a run that was killed."""
    for split in ("train", "valid"):
        for path in list(job.out.glob(f"{split}/.{job.name}.*.tmp.jsonl")):
            path.unlink()


def fill_buckets(job: Shuffle, say: Say) -> Progress:
    """Distribute all documents over the buckets; continue where an earlier run was stopped."""
    total = sum(text_bytes(path) for path in job.files.values())
    progress = load_progress(job, total)
    todo = [name for name in job.files if name not in progress.done]
    if todo:
        check_disk(job, total, sum(progress.sizes))
    writer = BucketWriter(job, progress)
    for name in todo:
        for text in read_texts(job.files[name], job.on_bad_line, say):
            writer.add(name, text)
        writer.finish_file(name, last=name == todo[-1])
        say(f"read {name} ({list(job.files).index(name) + 1} of {len(job.files)})")
    return progress


def load_progress(job: Shuffle, total: int) -> Progress:
    """Return the progress of an earlier run or a new one; cut the buckets to recorded sizes."""
    per_chunk = max(1, ceil(total / (job.chunks * job.spare * BUCKET_SHARE)))
    progress = Progress(job.signature(), [0] * (job.chunks * per_chunk))
    path = job.work / "progress.json"
    saved = Progress(**read_json(path)) if path.exists() else None
    if saved is not None and is_usable(job, saved, len(progress.sizes)):
        progress = saved
    else:
        shutil.rmtree(job.work, ignore_errors=True)
        job.work.mkdir(parents=True)
    for number, size in enumerate(progress.sizes):
        bucket = bucket_file(job, number)
        if bucket.exists():
            with bucket.open("rb+") as file:
                file.truncate(size)
    return progress


def is_usable(job: Shuffle, saved: Progress, buckets: int) -> bool:
    """Return whether `saved` is of this job and has enough buckets with the data still needed.

    Validation documents are taken from the buckets, and their number may have changed.
    """
    saved.signature["validation"] = job.validation
    if saved.signature != job.signature() or len(saved.sizes) < buckets:
        return False  # with less memory than before, smaller buckets are needed
    everything = bool(job.validation) and not job.validation_file.exists()
    if everything:
        saved.last_validation_key = None
    needed = {
        bucket
        for number in range(job.chunks)
        if everything or not job.chunk_file(number).exists()
        for bucket in buckets_of(job, saved, number)
    }
    sizes = {bucket_file(job, number): size for number, size in enumerate(saved.sizes)}
    return all(
        bucket.exists() and bucket.stat().st_size >= sizes[bucket]
        for bucket in needed
        if sizes[bucket]
    )


def check_disk(job: Shuffle, total: int, written: int) -> None:
    """Raise a ValueError if the disk has no room for the buckets and one chunk."""
    needed = int(1.1 * total * (1 + 1 / job.chunks)) - written
    free = shutil.disk_usage(job.out).free
    if needed > free:
        raise ValueError(
            f"shuffling {job.name} takes about {needed / GB:.1f} GB in {job.out}, where "
            f"{free / GB:.1f} GB are free; make room or choose another --data_dir"
        )


class BucketWriter:
    """Writer that collects lines for the buckets and appends them when memory is used up."""

    def __init__(self, job: Shuffle, progress: Progress) -> None:
        self.job, self.progress = job, progress
        self.limit = int(job.spare * (1 - READER_SHARE))
        self._lines: list[list[bytes]] = [[] for _ in progress.sizes]
        self._sizes = list(progress.sizes)
        self._held = self._row = 0  # rows are those of the file
        self._counts = Counter[str]()
        self._files: list[str] = []
        self._appended = False

    def add(self, name: str, text: str | None) -> None:
        """Add the next record of the file `name`; only count an empty one or a bad one (None)."""
        key = key_of(self.job.seed, name, self._row)
        self._row += 1
        self._counts["bad_lines" if text is None else "documents" if text else "empty"] += 1
        if not text:
            return
        line = f"{key}{json.dumps({'text': text}, ensure_ascii=False)}\n".encode()
        self._lines[int(key[:8], 16) * len(self._lines) >> 32].append(line)
        self._held += len(line) + LINE_OVERHEAD
        if self._held > self.limit:
            self._append()

    def finish_file(self, name: str, *, last: bool) -> None:
        """Record that the file `name` has been read completely.

        The progress is saved if lines were appended since the last time, and after the last file.
        """
        self._row = 0
        self._files.append(name)
        if self._appended or last:
            self._append()
            self.progress.sizes = list(self._sizes)
            self.progress.done += self._files
            for count in COUNTS:
                setattr(self.progress, count, getattr(self.progress, count) + self._counts[count])
            self.progress.save(self.job.work)
            self._counts.clear()
            self._files, self._appended = [], False

    def _append(self) -> None:
        for number, lines in enumerate(self._lines):
            if lines:
                with bucket_file(self.job, number).open("ab") as file:
                    file.writelines(lines)
                self._sizes[number] += sum(map(len, lines))
                lines.clear()
        self._held, self._appended = 0, True


def key_of(seed: int, name: str, row: int) -> str:
    """Return the sort key of a document, as hexadecimal digits."""
    return blake2b(f"{seed}/{name}/{row}".encode(), digest_size=KEY_DIGITS // 2).hexdigest()


def bucket_file(job: Shuffle, number: int) -> Path:
    """Return the path of a bucket's file, which does not exist while the bucket is empty."""
    return job.work / f"bucket.{number:06d}"


def buckets_of(job: Shuffle, progress: Progress, chunk: int) -> list[Path]:
    """Return the buckets of a chunk, in order."""
    each = len(progress.sizes) // job.chunks
    return [bucket_file(job, number) for number in range(chunk * each, (chunk + 1) * each)]


def sorted_lines(bucket: Path) -> Iterator[bytes]:
    """Yield the lines of a bucket in the order of their keys."""
    if bucket.exists():
        with bucket.open("rb") as file:
            lines = file.readlines()
        lines.sort()
        yield from lines


def write_validation(job: Shuffle, progress: Progress) -> None:
    """Write the validation documents, the first of the order; record the key of the last one."""
    if not job.validation or progress.last_validation_key is not None:
        return
    left = job.validation
    with replacing(job.validation_file) as temporary, temporary.open("wb") as file:
        for number in range(len(progress.sizes)):
            for line in sorted_lines(bucket_file(job, number)):
                file.write(line[KEY_DIGITS:])
                left -= 1
                if not left:
                    progress.last_validation_key = line[:KEY_DIGITS].decode()
                    break
            if not left:
                break
    progress.save(job.work)


def write_chunk(job: Shuffle, progress: Progress, number: int) -> None:
    """Write the documents of a chunk that are not for validation."""
    after = (progress.last_validation_key or "").encode()
    with replacing(job.chunk_file(number)) as temporary, temporary.open("wb") as file:
        for bucket in buckets_of(job, progress, number):
            for line in sorted_lines(bucket):
                if line[:KEY_DIGITS] > after:
                    file.write(line[KEY_DIGITS:])
