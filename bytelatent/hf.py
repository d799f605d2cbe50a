"""Released checkpoints as the reference names them: tokenizer and patcher of a BLT.

tok_and_patcher = BltTokenizerAndPatcher.from_pretrained("facebook/blt-1b")
tokenizer = tok_and_patcher.tokenizer_args.build()
patcher = tok_and_patcher.patcher_args.build()
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from bytelatent.files import read_json, write_json
from bytelatent.model.released import explain
from bytelatent.patching.patcher import PatcherArgs
from bytelatent.storage import model_folder
from bytelatent.tokenizers.build import TokenizerArgs

TRAIN_ARGS_FILE = "train_args.json"

RETIRED_PATCHER_KEYS = frozenset(
    {
        "device",
        "entropy_model_checkpoint_dir",
        "log_time",
        "patching_batch_size",
        "patching_device",
        "realtime_patching",
    }
)
"""Keys of released patcher args that say where and how fast, not what."""


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

        Raises:
            ValueError: the file is missing or damaged, or holds an unknown or impossible setting.
        """
        path = model_folder(name_or_path) / TRAIN_ARGS_FILE
        args = read_json(path)
        try:
            data: dict[str, Any] = args["data"]
            patcher: dict[str, Any] = data["patcher_args"]
            kept = {key: patcher[key] for key in patcher.keys() - RETIRED_PATCHER_KEYS}
            return cls(
                TokenizerArgs.model_validate(data["tokenizer_args"]),
                PatcherArgs.model_validate(kept),
            )
        except ValidationError as error:
            raise ValueError(f"{path}: {explain(error)}") from None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} lacks data.tokenizer_args or data.patcher_args ({error})"
            ) from None

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``train_args.json`` with these two, or put them into the one that is there."""
        path = Path(folder) / TRAIN_ARGS_FILE
        args: dict[str, Any] = read_json(path) if path.is_file() else {}
        data = args.setdefault("data", {})
        data["tokenizer_args"] = self.tokenizer_args.model_dump(mode="json")
        data["patcher_args"] = self.patcher_args.model_dump(mode="json")
        write_json(path, args)
