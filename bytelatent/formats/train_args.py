"""Settings of tokenizer and patcher in ``train_args.json``, a file of every released BLT."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from bytelatent.files import os_errors_as_value_error, read_json, write_json
from bytelatent.formats.find import model_folder
from bytelatent.formats.hub import model_card, upload
from bytelatent.formats.released import PARAMS_FILE, explain
from bytelatent.patching.patcher import PatcherArgs, released_patcher_args
from bytelatent.tokenizers.build import TokenizerArgs

TRAIN_ARGS_FILE = "train_args.json"


@dataclass(frozen=True)
class BltTokenizerAndPatcher:
    """Settings of the tokenizer and of the patcher of a BLT.

    Attributes:
        tokenizer_args: settings of the tokenizer, which ``build`` creates.
        patcher_args: settings of the patcher, which ``build`` creates. Pass the entropy model to
            ``build``, or pass entropies to the patcher.
    """

    tokenizer_args: TokenizerArgs
    patcher_args: PatcherArgs

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, *, revision: str | None = None) -> Self:
        """Read ``train_args.json`` of a folder, a shipped model or a hub repository.

        If the folder has no such file, ``params.json`` of a ``.pth`` checkpoint is read, which has
        the same keys.

        Args:
            name_or_path: a folder, the name of a shipped model, or ``owner/name`` on the hub.
            revision: branch, tag or commit of the repository; ``owner/name@revision`` names it too.

        Raises:
            ValueError: the file is missing or damaged, or contains an unknown or impossible
                setting.
        """
        files = (TRAIN_ARGS_FILE, PARAMS_FILE)
        needed = [(file,) for file in files]
        folder = model_folder(name_or_path, files, revision=revision, needed=needed)
        path = folder / TRAIN_ARGS_FILE
        with os_errors_as_value_error(folder, "read"):
            if not path.is_file() and (folder / PARAMS_FILE).is_file():
                path = folder / PARAMS_FILE
        args = read_json(path)
        patcher_args = released_patcher_args(args, path)
        try:
            tokenizer_args = TokenizerArgs.model_validate(args["data"]["tokenizer_args"])
        except ValidationError as error:
            raise ValueError(f"{path}: {explain(error)}") from None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} lacks data.tokenizer_args ({error})") from None
        return cls(tokenizer_args, patcher_args)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the settings to ``train_args.json`` in ``folder``; keep other keys of the file.

        Raises:
            ValueError: the existing file is damaged, or the system refuses to write.
        """
        path = Path(folder) / TRAIN_ARGS_FILE
        args: dict[str, Any] = read_json(path) if path.is_file() else {}
        data = args.setdefault("data", {})
        data["tokenizer_args"] = self.tokenizer_args.model_dump(mode="json")
        data["patcher_args"] = self.patcher_args.model_dump(mode="json")
        write_json(path, args)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        commit_message: str | None = None,
    ) -> str:
        """Write the settings to ``train_args.json`` of a hub repository; keep its other keys.

        The repository is created if it does not exist, and gets a model card if it has none.

        Args:
            repo_id: ``owner/name``, preferably the repository of the model.
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
            merged=(TRAIN_ARGS_FILE,),
            private=private,
            token=token,
            commit_message=commit_message or f"Upload {type(self).__name__}",
        )

    def _card(self, name: str) -> str:
        loader = type(self).__name__
        return model_card(
            name,
            summary="Tokenizer and patcher of a Byte Latent Transformer (arXiv 2412.09871).",
            facts={"class": f"`bytelatent.hf.{loader}`", "files": f"`{TRAIN_ARGS_FILE}`"},
            snippet=(
                f"from bytelatent.hf import {loader}\n\n"
                f'tok_and_patcher = {loader}.from_pretrained("{name}")'
            ),
            args={
                "tokenizer_args": self.tokenizer_args.model_dump(mode="json"),
                "patcher_args": self.patcher_args.model_dump(mode="json"),
            },
        )
