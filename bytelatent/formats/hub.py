"""Repositories on the Hugging Face hub: downloads, uploads, model cards and error messages."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bytelatent.files import write_text

CARD_FILE = "README.md"
TEMPLATES = Path(__file__).parents[1] / "templates"


def download(repository: str, files: Sequence[str] | None = None, to: Path | None = None) -> Path:
    """Download a repository and return its folder; files in the cache are not downloaded again.

    Args:
        repository: ``owner/name``.
        files: names or patterns of the files to download; None for all files.
        to: target folder; the cache of ``huggingface_hub`` when None.

    Raises:
        ValueError: the hub cannot be reached, has no such repository or denies access to it.
    """
    with hub_errors(repository):
        from huggingface_hub import HfApi

        patterns = None if files is None else list(files)
        return Path(HfApi().snapshot_download(repository, allow_patterns=patterns, local_dir=to))


def upload(
    repository: str,
    save: Callable[[Path], None],
    card: str,
    *,
    merged: Sequence[str] = (),
    private: bool = False,
    token: str | None = None,
    commit_message: str | None = None,
) -> str:
    """Upload files to a repository in one commit; create the repository if it does not exist.

    Args:
        repository: ``owner/name``.
        save: function that writes the files into a folder.
        card: model card, for a repository without a ``README.md``.
        merged: names of files that are copied from the repository into the folder before ``save``
            is called, if the repository has them.
        private: whether a new repository is private.
        token: access token; the stored token when None.
        commit_message: message of the commit.

    Returns:
        The address of the page of the repository.

    Raises:
        ValueError: the hub cannot be reached or denies writing.
    """
    with hub_errors(repository, writing=True), tempfile.TemporaryDirectory() as name:
        from huggingface_hub import HfApi

        api, folder = HfApi(token=token), Path(name)
        page = api.create_repo(repository, private=private, exist_ok=True)
        for file in merged:
            if api.file_exists(repository, file):
                shutil.copyfile(api.hf_hub_download(repository, file), folder / file)
        save(folder)
        if not api.file_exists(repository, CARD_FILE):
            write_text(folder / CARD_FILE, card)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message=commit_message)
    return str(page)


@contextmanager
def hub_errors(repository: str, *, writing: bool = False) -> Iterator[None]:
    """Replace errors of the hub and of the network by a ``ValueError`` of one sentence.

    Args:
        repository: ``owner/name``, for messages.
        writing: whether the block writes to the repository, for messages.

    Raises:
        ValueError: the block raised an error of ``huggingface_hub`` or of the system, or
            ``huggingface_hub`` is not installed.
    """
    try:
        from huggingface_hub import errors
    except ImportError:
        raise ValueError(
            f"{repository}: the hub needs huggingface_hub (pip install 'bytelatent[model]')"
        ) from None
    page = f"https://huggingface.co/{repository}"
    # Base of the errors of the HTTP client, which is not the same in all versions.
    http_error: type[Exception] = errors.HfHubHTTPError.__bases__[0]
    try:
        yield
    except errors.GatedRepoError:
        raise ValueError(
            f"{repository} is gated: accept its licence at {page}, then run huggingface-cli login"
        ) from None
    except errors.RepositoryNotFoundError:
        raise ValueError(
            f"{repository} is no repository on the hub that this account may see ({page}); for a "
            "gated or private one run huggingface-cli login"
        ) from None
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise ValueError(f"{repository}: {_offline(error)}") from None
    except (http_error, OSError) as error:
        raise ValueError(f"{repository}: {_refused(error, page, writing=writing)}") from None


def _offline(error: Exception) -> str:
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("", "0", "false", "no", "off"):
        return "not in the cache, and HF_HUB_OFFLINE forbids to fetch it; unset that"
    return (
        "the hub cannot be reached and the cache has not got it; check the network "
        f"({_first_line(error)})"
    )


def _refused(error: Exception, page: str, *, writing: bool) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        what = "write to" if writing else "read"
        return (
            f"the hub does not let this account {what} it ({page}); run huggingface-cli login with "
            "a token that may"
        )
    if status is not None:
        return f"the hub answers {_first_line(error)}"
    if getattr(error, "errno", None) is not None and getattr(error, "strerror", None):
        return f"transferring failed: {error}"
    return f"the hub cannot be reached; check the network ({_first_line(error)})"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def model_card(
    name: str, *, summary: str, facts: dict[str, str], snippet: str, args: dict[str, Any]
) -> str:
    """Return a model card in Markdown.

    Args:
        name: name of the model.
        summary: description of the model in one or two sentences.
        facts: rows of the table of facts, by their label.
        snippet: Python code that loads the model.
        args: settings of the model.
    """
    template = (TEMPLATES / "model_card.md").read_text(encoding="utf-8")
    return template.format(
        name=name,
        summary=summary,
        facts="\n".join(f"| {key} | {value} |" for key, value in facts.items()),
        snippet=snippet,
        args=json.dumps(args, indent=2),
    )
