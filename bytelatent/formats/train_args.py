"""Settings of tokenizer and patcher in ``train_args.json``, a file of every released BLT."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from bytelatent.files import os_errors_as_value_error, read_json, write_json
from bytelatent.formats.file_names import PARAMS_FILE, TRAIN_ARGS_FILE
from bytelatent.formats.find import model_folder
from bytelatent.formats.hub import PushesToHub, model_card
from bytelatent.formats.released import explain
from bytelatent.patching.patcher import PatcherArgs, released_patcher_args
from bytelatent.tokenizers.build import TokenizerArgs


@dataclass(frozen=True)
class BltTokenizerAndPatcher(PushesToHub):
    """Settings of the tokenizer and of the patcher of a BLT.

    Attributes:
        tokenizer_args: settings of the tokenizer, which ``build`` creates.
        patcher_args: settings of the patcher, which ``build`` creates. Pass the entropy model to
            ``build``, or pass entropies to the patcher.
    """

    merged_files: ClassVar[tuple[str, ...]] = (TRAIN_ARGS_FILE,)
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
