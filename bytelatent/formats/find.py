"""Locating the folder of a model by a path, the name of a shipped model or a hub repository."""

from collections.abc import Sequence
from pathlib import Path

from bytelatent.files import os_errors_as_value_error
from bytelatent.formats.hub import Alternatives, download

PRETRAINED = Path(__file__).parents[1] / "pretrained"
"""Folder of the models that ship with the package."""

ENTROPY_MINI, BLT_MINI = PRETRAINED / "blt-entropy-mini", PRETRAINED / "blt-mini"
"""Folders of the shipped entropy model and of the shipped BLT."""


def model_folder(
    name_or_path: str | Path,
    files: Sequence[str] | None = None,
    *,
    revision: str | None = None,
    needed: Alternatives = (),
) -> Path:
    """Return the folder of a model: an existing folder, a shipped model or a downloaded repository.

    Args:
        name_or_path: a path, the name of a shipped model, or ``owner/name`` on the hub, which may
            be followed by a revision: ``owner/name@revision``.
        files: names of the files to download from the hub; None for all files.
        revision: branch, tag or commit of the repository on the hub; the main branch when None.
        needed: sets of files, of which a downloaded folder needs one.

    Raises:
        ValueError: no folder or shipped model has this name, and the hub has no such repository or
            denies access to it; or a revision is named of a folder.
    """
    path = Path(name_or_path)
    with os_errors_as_value_error(path, "read"):
        folder = path if path.is_dir() else local_folder(name_or_path)
        is_local = folder.is_dir()
    if is_local and revision is not None:
        raise ValueError(f"revision: {folder} is a folder, only repositories have revisions")
    if is_local:
        return folder
    if path.exists() or not _looks_like_repository(str(name_or_path)):
        known = ", ".join(sorted(p.name for p in PRETRAINED.iterdir() if p.is_dir())) or "none"
        raise ValueError(f"{name_or_path} is no folder; models that come along: {known}")
    try:
        return download(str(name_or_path), files, revision=revision, needed=needed)
    except ValueError as error:
        raise ValueError(f"there is no folder {name_or_path} here; from the hub: {error}") from None


def local_folder(name_or_path: str | Path) -> Path:
    """Return the folder of a model on this machine, without asking the hub.

    Args:
        name_or_path: a folder, or the name of a shipped model where there is no folder of it.

    Returns:
        The folder. A path that does not exist is returned as it is.
    """
    path = Path(name_or_path)
    shipped = PRETRAINED / path.name
    is_name = str(name_or_path) == path.name
    return shipped if is_name and not path.is_dir() and shipped.is_dir() else path


def _looks_like_repository(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(parts) and not name.startswith((".", "~"))
