"""Loading an entropy model or a BLT with everything that is needed to run it on text.

``train_args.json`` in the folder of a model contains the settings of its run (:class:`TrainArgs`),
of its tokenizer and of its patcher; for a BLT it also names the entropy model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bytelatent.files import read_json, write_json
from bytelatent.formats.file_names import (
    CONFIG_FILE,
    ENTROPY_FOLDER,
    MODEL_FILES,
    MODEL_NEEDS,
    PARAMS_FILE,
    TRAIN_ARGS_FILE,
)
from bytelatent.formats.find import model_folder
from bytelatent.formats.released import MARKS, args_of_params
from bytelatent.formats.train_args import BltTokenizerAndPatcher
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.patching.entropies import entropy_function
from bytelatent.patching.patcher import Patcher, PatcherArgs
from bytelatent.patching.rules import ENTROPY_MODES
from bytelatent.transformer import LMTransformer

if TYPE_CHECKING:  # importing the modules of training takes seconds
    from bytelatent.training.args import TrainArgs

Model = LMTransformer | ByteLatentTransformer


@dataclass(frozen=True)
class TextModel:
    """Entropy model (byte model) or BLT with its patcher.

    Attributes:
        name: name or path with which the model was loaded.
        model: the model in eval mode.
        patcher: patcher, with the entropy model if its rule needs one; None for a byte model whose
            folder has no settings of a patcher.
        entropy_model: entropy model of the patcher; for a byte model the model itself. None if the
            rule needs no entropies.
        entropy_name: name of the entropy model; None without one.
        settings: content of ``train_args.json``; empty without that file.
    """

    name: str
    model: Model
    patcher: Patcher | None
    entropy_model: LMTransformer | None
    entropy_name: str | None
    settings: dict[str, Any]

    @property
    def is_byte_model(self) -> bool:
        """Whether the model runs on bytes alone, without patches."""
        return isinstance(self.model, LMTransformer)

    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return next(self.model.parameters()).device


def load_text_model(
    name: str,
    *,
    entropy_model: str | None = None,
    dtype: torch.dtype | None = torch.float32,
    device: torch.device | str = "cpu",
    revision: str | None = None,
) -> TextModel:
    """Load an entropy model or a BLT, and the entropy model of the patcher of a BLT.

    Args:
        name: a folder, a shipped model, or ``owner/name`` on the hub.
        entropy_model: entropy model of a BLT: a folder, a shipped model, or ``owner/name`` on the
            hub. When None the ``patcher_model`` of ``train_args.json``, or the subfolder
            ``entropy_model``.
        dtype: dtype of the weights; that of the file when None.
        device: device to run on.
        revision: branch, tag or commit of the repository ``name``; ``owner/name@revision`` names it
            too, also for the entropy model.

    Raises:
        ValueError: a file is missing or damaged, the model does not read bytes, or the rule of a
            BLT needs entropies and no entropy model is named.
    """
    files = (*MODEL_FILES, TRAIN_ARGS_FILE, f"{ENTROPY_FOLDER}/*")
    folder = model_folder(name, files, revision=revision, needed=MODEL_NEEDS)
    settings = read_settings(folder)
    both = BltTokenizerAndPatcher.from_pretrained(folder) if settings else None
    if both is not None and both.tokenizer_args.name != "blt":
        raise ValueError(
            f"{name} reads tokens of {both.tokenizer_args.name!r}, not bytes; "
            "python -m bytelatent.scaling measures such models"
        )
    args = None if both is None else both.patcher_args
    if kind_of(folder) is LMTransformer:
        if entropy_model is not None:
            raise ValueError(f"entropy_model: {name} is a byte model, it measures by itself")
        lm = LMTransformer.from_pretrained(folder, dtype=dtype).to(device)
        patcher = None if args is None else args.build(entropy_function(lm))
        return TextModel(name, lm, patcher, lm, name, settings)
    if args is None:
        raise ValueError(
            f"{folder / TRAIN_ARGS_FILE} does not exist: nothing says how to cut patches for {name}"
        )
    measuring = None
    if args.mode() in ENTROPY_MODES:
        entropy_model = entropy_model or _named_entropy_model(name, folder, settings)
        measuring = LMTransformer.from_pretrained(entropy_model, dtype=dtype).to(device)
    elif entropy_model is not None:
        raise ValueError(
            f"entropy_model: {name} cuts patches by rule {args.mode().value!r}, which needs none"
        )
    patcher = args.build(None if measuring is None else entropy_function(measuring))
    blt = ByteLatentTransformer.from_pretrained(folder, dtype=dtype).to(device)
    return TextModel(name, blt, patcher, measuring, entropy_model, settings)


def kind_of(folder: Path) -> type[Model]:
    """Return the class of the checkpoint in ``folder``; :class:`LMTransformer` if it is unclear.

    Raises:
        ValueError: the config is damaged.
    """
    if (folder / CONFIG_FILE).is_file():
        config = read_json(folder / CONFIG_FILE)
        args = config.get("args") if isinstance(config, dict) else None
    elif (folder / PARAMS_FILE).is_file():
        args = args_of_params(folder / PARAMS_FILE, ByteLatentTransformer.kind.section)
    else:
        args = None
    marks = {MARKS[LMTransformer.__name__][0], LMTransformer.kind.section}
    if not isinstance(args, dict) or marks & args.keys():
        return LMTransformer
    return ByteLatentTransformer


def read_settings(folder: Path) -> dict[str, Any]:
    """Read ``train_args.json`` in the folder of a model; empty without that file.

    Raises:
        ValueError: the file is damaged.
    """
    path = folder / TRAIN_ARGS_FILE
    if not path.is_file():
        return {}
    settings = read_json(path)
    if not isinstance(settings, dict):
        raise ValueError(f"{path} holds no object")
    return settings


def write_settings(folder: Path, args: "TrainArgs", **more: Any) -> None:
    """Write ``train_args.json`` into the folder of a model.

    Args:
        folder: folder of the model.
        args: settings of the run, with those of tokenizer and patcher.
        more: further keys of the file.

    Raises:
        ValueError: the system refuses to write.
    """
    write_json(folder / TRAIN_ARGS_FILE, args.model_dump(mode="json") | more)
    patcher = args.patcher or PatcherArgs()
    BltTokenizerAndPatcher(args.data.tokenizer, patcher).save_pretrained(folder)


def _named_entropy_model(name: str, folder: Path, settings: dict[str, Any]) -> str:
    """Return the name or path of the entropy model that the folder of a BLT names."""
    named = settings.get("patcher_model")
    if isinstance(named, str):
        return named
    if (folder / ENTROPY_FOLDER).is_dir():
        return str(folder / ENTROPY_FOLDER)
    raise ValueError(
        f"entropy_model: patches of {name} are cut by entropies, and its {TRAIN_ARGS_FILE} names "
        "no patcher_model; name the byte model that is to measure them"
    )
