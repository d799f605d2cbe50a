"""``train_args.json`` of a released BLT: the settings of its tokenizer and of its patcher."""

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
    """What turns text into a BLT's input.

    Attributes:
        tokenizer_args: build the tokenizer.
        patcher_args: build the patcher; give ``build`` the entropy model, or give the patcher
            entropies.
    """

    tokenizer_args: TokenizerArgs
    patcher_args: PatcherArgs

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path) -> Self:
        """Read ``train_args.json`` of a folder or hub repository; no other file is looked at.

        Only where there is none, ``params.json`` of a ``.pth`` checkpoint, which has the same keys.

        Raises:
            ValueError: the file is missing or damaged, or holds an unknown or impossible setting.
        """
        folder = model_folder(name_or_path, (TRAIN_ARGS_FILE, PARAMS_FILE))
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
        """Write ``train_args.json`` with these two, or put them into the one that is there."""
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
        """Put these two into ``train_args.json`` of a hub repository; the rest of the file stays.

        A repository is made, and gets a card, where there is none.

        Args:
            repo_id: ``owner/name``; best that of the model.
            private: for a repository that is made.
            token: instead of the one of ``huggingface-cli login``.
            commit_message: instead of one that names the class.

        Returns:
            The repository's page.

        Raises:
            ValueError: the hub cannot be reached or does not let us write.
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
