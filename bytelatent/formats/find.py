"""Finding a model's folder: a path, a name of a shipped model, or a repository on the hub."""

from collections.abc import Sequence
from pathlib import Path

from bytelatent.files import naming
from bytelatent.formats.hub import download

PRETRAINED = Path(__file__).parents[1] / "pretrained"
"""Models that come with the package."""


def model_folder(name_or_path: str | Path, files: Sequence[str] | None = None) -> Path:
    """The folder of a model: an existing folder, a shipped model, or a downloaded repository.

    Args:
        name_or_path: a path, the name of a shipped model, or ``owner/name`` on the hub.
        files: names of the files that are wanted, so that no others are fetched; None for all.

    Raises:
        ValueError: nothing of that name is here, and the hub has not got it or does not let us in.
    """
    path = Path(name_or_path)
    with naming(path, "read"):
        if path.is_dir():
            return path
    shipped = PRETRAINED / path.name
    if str(name_or_path) == path.name and shipped.is_dir():
        return shipped
    if path.exists() or not _looks_like_repository(str(name_or_path)):
        known = ", ".join(sorted(p.name for p in PRETRAINED.iterdir() if p.is_dir())) or "none"
        raise ValueError(f"{name_or_path} is no folder; models that come along: {known}")
    try:
        return download(str(name_or_path), files)
    except ValueError as error:
        raise ValueError(f"there is no folder {name_or_path} here; from the hub: {error}") from None


def _looks_like_repository(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(parts) and not name.startswith((".", "~"))
