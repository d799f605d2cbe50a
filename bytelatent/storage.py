"""Finding a model's folder: a path, a name of a shipped model, or a repository on the hub."""

from pathlib import Path

PRETRAINED = Path(__file__).parent / "pretrained"
"""Models that come with the package."""


def model_folder(name_or_path: str | Path) -> Path:
    """The folder of a model: an existing folder, a shipped model, or a downloaded repository.

    Raises:
        ValueError: nothing of that name is here, and the hub has not got it or does not let us in.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return path
    shipped = PRETRAINED / path.name
    if str(name_or_path) == path.name and shipped.is_dir():
        return shipped
    if not _looks_like_repository(str(name_or_path)):
        known = ", ".join(sorted(p.name for p in PRETRAINED.iterdir() if p.is_dir())) or "none"
        raise ValueError(f"{name_or_path} is no folder; models that come along: {known}")
    return _download(str(name_or_path))


def _looks_like_repository(name: str) -> bool:
    parts = name.split("/")
    return len(parts) == 2 and all(parts) and not name.startswith((".", "~"))


def _download(repository: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    except ImportError:
        raise ValueError(
            f"{repository} is no folder here; to fetch it from the hub install huggingface_hub "
            "(pip install 'bytelatent[model]')"
        ) from None
    page = f"https://huggingface.co/{repository}"
    try:
        return Path(snapshot_download(repository))
    except GatedRepoError:
        raise ValueError(
            f"{repository} is gated: accept its licence at {page}, then run huggingface-cli login"
        ) from None
    except RepositoryNotFoundError:
        raise ValueError(
            f"{repository} is neither a folder here nor a repository on the hub that this account "
            f"may see ({page}); for a gated or private one run huggingface-cli login"
        ) from None
    except (HfHubHTTPError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{repository} is no folder here, and fetching it from the hub failed: {reason}"
        ) from None
