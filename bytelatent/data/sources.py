"""Sources: the chunk files behind a name."""

import re
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from bytelatent.data.args import DataArgs
from bytelatent.data.formats import FORMATS, open_shard
from bytelatent.data.readers import Shard


def find_chunks(root: Path, split: str, name: str) -> list[Path]:
    """Files of a source, in the order of their names (numbers by value).

    They are ``ROOT/SPLIT/NAME.jsonl`` (or another of :data:`~bytelatent.data.formats.FORMATS`),
    ``NAME.chunk.N.jsonl``, or all such files in the folder ``ROOT/SPLIT/NAME``.

    Raises:
        ValueError: there is none, or more than one of these forms.
    """
    place = root / split / name
    if place.is_dir():
        folder = [path for path in place.iterdir() if _ending(path.name) is not None]
    else:
        folder = []
    forms = {f"{place}/": [path for path in folder if not path.name.startswith(".")]}
    for path in place.parent.iterdir() if place.parent.is_dir() else ():
        rest = path.name.removeprefix(place.name)
        ending = _ending(path.name)
        if ending is None or rest == path.name:
            continue
        if rest == ending:
            forms.setdefault(str(path), []).append(path)
        elif re.fullmatch(r"\.chunk\.\d+", rest.removesuffix(ending)):
            forms.setdefault(f"{place}.chunk.*{ending}", []).append(path)
    found = {form: paths for form, paths in forms.items() if paths}
    if not found:
        raise ValueError(
            f"data.sources: no file for {name!r}: neither {place}.jsonl (or {', '.join(FORMATS)}), "
            f"nor {place}.chunk.0.jsonl …, nor such files in {place}/ "
            "(the shipped mix: python setup/build_corpus.py)"
        )
    if len(found) > 1:
        raise ValueError(
            f"data.sources: {name!r} is ambiguous, keep one of {', '.join(sorted(found))}"
        )
    return sorted(next(iter(found.values())), key=_natural)


def _ending(name: str) -> str | None:
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)


def _natural(path: Path) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


class Source:
    """The chunks of a source, opened as they are needed.

    Args:
        name: of the source.
        paths: its chunks.
        args: how to read them.
        open_files: shards kept open at a time.
    """

    def __init__(self, name: str, paths: Sequence[Path], args: DataArgs, open_files: int) -> None:
        self.name, self.paths, self.args = name, list(paths), args
        self.key = zlib.crc32(name.encode("utf-8"))
        self._limit = max(1, open_files)
        self._open: OrderedDict[int, Shard] = OrderedDict()

    def shard(self, chunk: int) -> Shard:
        """The open shard of a chunk."""
        if chunk not in self._open:
            args = self.args
            self._open[chunk] = open_shard(self.paths[chunk], args.text_key, args.shuffle_block)
            if len(self._open) > self._limit:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(chunk)
        return self._open[chunk]

    def check(self) -> None:
        """Look for a record.

        Raises:
            ValueError: there is none in any chunk.
        """
        records = chain.from_iterable(self.shard(c).records() for c in range(len(self.paths)))
        if next(records, None) is None:
            raise ValueError(
                f"data.sources: {self.name!r} holds no document ({self.paths[0]}"
                + (f" and {len(self.paths) - 1} more)" if len(self.paths) > 1 else ")")
            )
        self.close()

    def close(self) -> None:
        """Close all files."""
        for shard in self._open.values():
            shard.close()
        self._open.clear()
