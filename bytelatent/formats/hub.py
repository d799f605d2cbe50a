"""Repositories on the Hugging Face hub: downloads, uploads, model cards and error messages."""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from bytelatent.files import write_text
from bytelatent.formats.file_names import CARD_FILE

logger = logging.getLogger(__name__)

TEMPLATES = Path(__file__).parents[1] / "templates"


Alternatives = Sequence[Sequence[str]]
"""Sets of files of which a folder needs all files of one."""


def split_revision(repository: str) -> tuple[str, str | None]:
    """Divide ``owner/name@revision`` into ``owner/name`` and the revision; None without one."""
    name, _, revision = repository.partition("@")
    return name, revision or None


def download(
    repository: str,
    files: Sequence[str] | None = None,
    to: Path | None = None,
    *,
    revision: str | None = None,
    needed: Alternatives = (),
) -> Path:
    """Download a repository and return its folder; files in the cache are not downloaded again.

    Without a network the folder is that of the cache. A repository that was cached by its commit
    alone is found there too; of several commits the one that was cached last is taken.

    Args:
        repository: ``owner/name`` or ``owner/name@revision``.
        files: names or patterns of the files to download; None for all files.
        to: target folder; the cache of ``huggingface_hub`` when None.
        revision: branch, tag or commit; the one in ``repository`` or the main branch when None.
        needed: sets of files, of which the folder needs one; an incomplete folder of the cache is
            completed.

    Raises:
        ValueError: the hub cannot be reached, has no such repository or revision, or denies access
            to it; or the cache has the repository only in part.
    """
    name, named = split_revision(repository)
    if named and revision and named != revision:
        raise ValueError(f"revision: {revision!r} is not that of {repository}; give one of the two")
    revision = revision or named
    with hub_errors(name, revision=revision):
        from huggingface_hub import HfApi, errors

        api = HfApi()
        patterns = None if files is None else list(files)
        try:
            folder = Path(
                api.snapshot_download(
                    name, revision=revision, allow_patterns=patterns, local_dir=to
                )
            )
        except errors.LocalEntryNotFoundError:
            cached = None if revision or to else _cached_by_commit(name, needed)
            if cached is None:
                raise
            logger.warning("the hub cannot be asked; taking %s of %s", cached.name, name)
            folder = cached
        missing = _missing(folder, needed)
        if missing is not None and to is None:
            try:
                api.hf_hub_download(name, missing, revision=revision)
            except errors.LocalEntryNotFoundError:
                raise ValueError(
                    f"{name}: the cache has it only in part, without {missing}, and the hub cannot "
                    "be asked; check the network, or unset HF_HUB_OFFLINE"
                ) from None
            except errors.EntryNotFoundError:
                pass  # the repository has no such file, which the caller says better
        return folder


def _missing(folder: Path, needed: Alternatives) -> str | None:
    """Return a file that ``folder`` lacks of the nearest set in ``needed``; None if it has one."""
    lacking = [[file for file in files if not (folder / file).is_file()] for files in needed]
    return None if [] in lacking or not lacking else min(lacking, key=len)[0]


def _cached_by_commit(repository: str, needed: Alternatives) -> Path | None:
    """Return the last complete snapshot in the cache, of any commit; None if there is none."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return None
    snapshots = [
        snapshot
        for cached in repositories
        if cached.repo_id == repository and cached.repo_type == "model"
        for snapshot in cached.revisions
    ]
    snapshots.sort(key=lambda snapshot: snapshot.last_modified, reverse=True)
    paths = [Path(snapshot.snapshot_path) for snapshot in snapshots]
    complete = [path for path in paths if _missing(path, needed) is None]
    return next(iter(complete or paths), None)


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


class PushesToHub:
    """Base class of objects that can be saved to a folder and uploaded to a hub repository.

    Attributes:
        merged_files: names of files that ``save_pretrained`` changes and does not replace; they are
            copied from the repository before it runs.
    """

    merged_files: ClassVar[tuple[str, ...]] = ()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the files of the object to a folder."""
        raise NotImplementedError

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        commit_message: str | None = None,
    ) -> str:
        """Upload what :meth:`save_pretrained` writes to a hub repository, in one commit.

        The repository is created if it does not exist. A repository without a ``README.md`` gets a
        model card; an existing ``README.md`` is kept.

        Args:
            repo_id: ``owner/name``.
            private: whether a new repository is private.
            token: access token; the token of ``huggingface-cli login`` when None.
            commit_message: message of the commit; a message with the name of the class when None.

        Returns:
            The address of the page of the repository.

        Raises:
            ValueError: the hub cannot be reached or denies writing.
        """
        return upload(
            repo_id,
            self.save_pretrained,
            self._card(repo_id),
            merged=self.merged_files,
            private=private,
            token=token,
            commit_message=commit_message or f"Upload {type(self).__name__}",
        )

    def _card(self, name: str) -> str:
        raise NotImplementedError


@contextmanager
def hub_errors(
    repository: str, *, writing: bool = False, revision: str | None = None
) -> Iterator[None]:
    """Replace errors of the hub and of the network by a ``ValueError`` of one sentence.

    Args:
        repository: ``owner/name``, for messages.
        writing: whether the block writes to the repository, for messages.
        revision: branch, tag or commit, for messages.

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
    except errors.RevisionNotFoundError:
        raise ValueError(
            f"{repository} has no revision {revision!r}; {page}/commits lists those it has"
        ) from None
    except errors.RepositoryNotFoundError:
        raise ValueError(
            f"{repository} is no repository on the hub that this account may see ({page}); for a "
            "gated or private one run huggingface-cli login"
        ) from None
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise ValueError(f"{repository}: {_offline(error)}") from None
    except UnicodeEncodeError:  # raised when a request is made, and quotes the token
        raise ValueError(
            f"{repository}: the access token has characters that are not ASCII; check HF_TOKEN, or "
            "run huggingface-cli login"
        ) from None
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
