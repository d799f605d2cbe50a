"""Sources of text: a source has a name and one or more chunk files."""

import re
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bytelatent.data.args import DataArgs
from bytelatent.data.formats import FORMATS, open_shard
from bytelatent.data.readers import BadRecordError, Shard


def find_chunks(root: Path, split: str, name: str) -> list[Path]:
    """Find the chunk files of a source, in the order of their names (numbers by value).

    They are ``ROOT/SPLIT/NAME.jsonl`` (or another suffix of
    :data:`~bytelatent.data.formats.FORMATS`), ``ROOT/SPLIT/NAME.chunk.N.jsonl``, or all such files
    in the folder ``ROOT/SPLIT/NAME``.

    Args:
        root: folder of the data.
        split: ``train``, ``valid`` or ``test``.
        name: name of the source.

    Raises:
        ValueError: there is no such file, or there are files of more than one of these forms.
    """
    stem = root / split / name
    if stem.is_dir():
        folder = [path for path in stem.iterdir() if _ending(path.name) and path.is_file()]
    else:
        folder = []
    forms = {f"{stem}/": [path for path in folder if not path.name.startswith(".")]}
    for path in stem.parent.iterdir() if stem.parent.is_dir() else ():
        rest = path.name.removeprefix(stem.name)
        ending = _ending(path.name)
        if ending is None or rest == path.name or not path.is_file():
            continue
        if rest == ending:
            forms.setdefault(str(path), []).append(path)
        elif re.fullmatch(r"\.chunk\.\d+", rest.removesuffix(ending)):
            forms.setdefault(f"{stem}.chunk.*{ending}", []).append(path)
    chunks_of = {form: paths for form, paths in forms.items() if paths}
    if not chunks_of:
        raise ValueError(
            f"data.sources: no file for {name!r}: neither {stem}.jsonl (or {', '.join(FORMATS)}), "
            f"nor {stem}.chunk.0.jsonl …, nor such files in {stem}/ "
            "(the shipped mix: python setup/build_corpus.py)"
        )
    if len(chunks_of) > 1:
        raise ValueError(
            f"data.sources: {name!r} is ambiguous, keep one of {', '.join(sorted(chunks_of))}"
        )
    return sorted(next(iter(chunks_of.values())), key=_natural)


def _ending(name: str) -> str | None:
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)


def _natural(path: Path) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


class Source:
    """Source of text whose chunk files are opened when they are needed.

    Args:
        name: name of the source.
        paths: paths of its chunk files.
        args: settings of the data.
        open_files: largest number of open shards.
    """

    def __init__(self, name: str, paths: Sequence[Path], args: DataArgs, open_files: int) -> None:
        self.name, self.paths, self.args = name, list(paths), args
        self.key = zlib.crc32(name.encode("utf-8"))
        self._limit = max(1, open_files)
        self._open: OrderedDict[int, Shard] = OrderedDict()

    def shard(self, chunk: int) -> Shard:
        """Return the open shard of chunk number ``chunk``."""
        if chunk not in self._open:
            args = self.args
            self._open[chunk] = open_shard(self.paths[chunk], args.text_key, args.shuffle_block)
            if len(self._open) > self._limit:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(chunk)
        return self._open[chunk]

    def check(self) -> None:
        """Check that the source has a record, and that not all its documents are empty.

        Records are read up to the first document with text. Bad records are passed over: reading
        the data says what is wrong with them.

        Raises:
            ValueError: no chunk has a record, or no document has text.
        """
        content = "no document"
        for is_empty in self._documents_are_empty():
            content = "only empty documents" if is_empty else ""
            if not is_empty:
                break
        self.close()
        if content:
            raise ValueError(
                f"data.sources: {self.name!r} holds {content} ({self.paths[0]}"
                + (f" and {len(self.paths) - 1} more)" if len(self.paths) > 1 else ")")
            )

    def _documents_are_empty(self) -> Iterator[bool]:
        """Yield for every record whether its document is empty; a bad record counts as text."""
        for chunk in range(len(self.paths)):
            shard = self.shard(chunk)
            for record in shard.records():
                try:
                    yield not shard.document(record).data
                except BadRecordError:
                    yield False

    def close(self) -> None:
        """Close all open shards of the source."""
        for shard in self._open.values():
            shard.close()
        self._open.clear()
