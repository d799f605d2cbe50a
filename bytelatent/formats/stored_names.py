"""Names under which other programs store the tensors of a model, and the files they are in.

Wrappers of torch (``torch.compile``, ``DistributedDataParallel``, FSDP, activation checkpointing)
and of training libraries put their own names in front of those of a model. Models whose output
layer shares the embedding table are stored with one or both of the two names. Large models are
stored in several files (shards) with an index.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from bytelatent.files import read_json
from bytelatent.formats.file_names import INDEX_FILE

WRAPPERS = frozenset(
    ("_checkpoint_wrapped_module", "_forward_module", "_fsdp_wrapped_module", "_orig_mod", "module")
)
"""Parts of a name that wrappers of torch add; no model of this package has parts of these names."""

ATTRIBUTE = "model."
"""What is in front of all names if a model is saved as the attribute of another module."""

SCALES = ("absmax", "quant_map", "scale", "scale_inv", "scales", "zero_point", "zero_points")
"""Ends of the names of tensors that belong to quantised weights."""


def plain_name(name: str) -> str:
    """Return the name of a tensor without the parts that wrappers of torch add."""
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def stored_names(path: Path, stored: Iterable[str], own: Iterable[str]) -> dict[str, str]:
    """Return the stored name of each tensor by the name without wrappers.

    Args:
        path: path of the file, for messages.
        stored: names in the file.
        own: names in the model.

    Raises:
        ValueError: a tensor is stored both with a wrapper and without.
    """
    stored, own = set(stored), set(own)
    if stored == own:
        return {name: name for name in stored}
    names: dict[str, str] = {}
    for name in sorted(stored):
        plain = plain_name(name)
        if plain in names:
            raise ValueError(
                f"{path} has tensor {plain!r} twice, as {names[plain]!r} and as {name!r}; keep one "
                "of them"
            )
        names[plain] = name
    if names and all(name.startswith(ATTRIBUTE) for name in names):
        return {name.removeprefix(ATTRIBUTE): kept for name, kept in names.items()}
    return names


def scale_of_quantised_weights(names: Iterable[str]) -> str | None:
    """Return the first name that belongs to quantised weights; None if there is none."""
    ends = tuple(f"{sign}{end}" for sign in "._" for end in SCALES)
    return min((name for name in names if name.endswith(ends)), default=None)


def files_of_tensors(index: Path) -> dict[str, Path]:
    """Return the file of each tensor that an index of shards lists.

    Raises:
        ValueError: the index is missing or damaged, or names a file outside its folder.
    """
    listed = read_json(index)
    weight_map = listed.get("weight_map") if isinstance(listed, Mapping) else None
    if not isinstance(weight_map, dict) or not all(map(_is_file_name, weight_map.values())):
        raise ValueError(f'{index} needs a "weight_map" from tensors to files of this folder')
    return {name: index.parent / shard for name, shard in weight_map.items()}


def weight_files(path: Path) -> list[Path]:
    """Return all files of weights: ``path`` itself, and the shards if it is an index.

    Raises:
        ValueError: the index is damaged.
    """
    if path.name != INDEX_FILE:
        return [path]
    return [path, *sorted(set(files_of_tensors(path).values()))]


def _is_file_name(shard: object) -> bool:
    return isinstance(shard, str) and bool(shard) and Path(shard).name == shard
