"""Loading and saving models in both layouts of Meta's checkpoints, in a folder or on the hub."""

from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bytelatent.files import replacing, write_json
from bytelatent.formats.file_names import (
    CONFIG_FILE,
    CONSOLIDATED_FILE,
    MODEL_FILES,
    MODEL_NEEDS,
    PARAMS_FILE,
    WEIGHTS_FILE,
)
from bytelatent.formats.find import model_folder
from bytelatent.formats.hub import PushesToHub, model_card
from bytelatent.formats.released import Args, CheckpointKind, FileFormat, find_checkpoint
from bytelatent.formats.stored_names import plain_name
from bytelatent.formats.weights import State, read_tensors, with_own_memory, write_tensors


class NoValues(TorchFunctionMode):
    """Mode in which torch skips ``nn.init.normal_``, which ``nn.Embedding()`` calls.

    On the meta device that call would import torch's compiler, which takes about a second.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call ``func``; return the tensor unchanged if ``func`` is ``nn.init.normal_``."""
        kwargs = kwargs or {}
        return kwargs["tensor"] if func is nn.init.normal_ else func(*args, **kwargs)


class Pretrained(PushesToHub, nn.Module):
    """Base class of networks that are built from settings and have checkpoints.

    Attributes:
        kind: format of the settings in the checkpoints of this class.
        summary: description of the class in one sentence, for model cards.
        shared: for each name that a checkpoint of a model with ``weight_tying`` may have besides
            those of the model, the name of the tensor that it shares.
        args: settings of the network.
    """

    kind: ClassVar[CheckpointKind[Any]]
    summary: ClassVar[str]
    shared: ClassVar[dict[str, str]] = {}
    args: Any

    def __init__(self, args: Any) -> None:
        super().__init__()
        self.args = args

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        dtype: torch.dtype | None = None,
        revision: str | None = None,
    ) -> Self:
        """Load a model in eval mode from a folder, a shipped model or a hub repository.

        The file of weights is mapped into memory, so memory never holds the weights twice. Weights
        of another dtype are converted part by part.

        Args:
            name_or_path: a folder, or a name such as ``facebook/blt-entropy``. The folder contains
                ``config.json`` and ``model.safetensors`` or its shards, or ``params.json`` and
                ``consolidated.pth``.
            dtype: dtype of the loaded weights; when None that of the file, or the widest if the
                file has several.
            revision: branch, tag or commit of the repository; ``owner/name@revision`` names it too.

        Raises:
            ValueError: a file is missing, damaged or does not fit; the message names it.
        """
        folder = model_folder(name_or_path, MODEL_FILES, revision=revision, needed=MODEL_NEEDS)
        checkpoint = find_checkpoint(folder, cls.kind)
        with torch.device("meta"), NoValues():
            model = cls(checkpoint.args)
        shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        weights = read_tensors(checkpoint.weights, shapes, dtype, cls.shared)
        model.load_state_dict(weights, assign=True)
        return model.eval()

    def save_pretrained(
        self, folder: str | Path, *, file_format: FileFormat = "safetensors"
    ) -> None:
        """Write the model to a folder; each file is written completely or not at all.

        Args:
            folder: target folder; it is created if it does not exist.
            file_format: ``safetensors`` writes ``config.json`` and ``model.safetensors``, ``pth``
                writes ``params.json`` and ``consolidated.pth``.

        Raises:
            ValueError: the flat keys cannot express the settings, or the system refuses to write.
        """
        state = {plain_name(name): tensor for name, tensor in self.state_dict().items()}
        write_checkpoint(Path(folder), state, self.kind, self.args, file_format)

    def _card(self, name: str) -> str:
        loader = type(self).__name__
        dtypes = {str(p.dtype).removeprefix("torch.") for p in self.parameters()}
        return model_card(
            name,
            summary=f"{self.summary} In the format of Meta's released checkpoints.",
            facts={
                "parameters": f"{sum(p.numel() for p in self.parameters()):,}",
                "dtype": ", ".join(sorted(dtypes)),
                "class": f"`{type(self).__module__}.{loader}`",
                "files": f"`{CONFIG_FILE}`, `{WEIGHTS_FILE}`",
            },
            snippet=(
                f"from {type(self).__module__} import {loader}\n\n"
                f'model = {loader}.from_pretrained("{name}")'
            ),
            args=self.args.model_dump(mode="json"),
        )


def write_checkpoint(
    folder: Path, state: State, kind: CheckpointKind[Args], args: Args, file_format: FileFormat
) -> None:
    """Write a checkpoint to a folder; each file is written completely or not at all.

    Args:
        folder: target folder.
        state: tensors by name.
        kind: format of the settings.
        args: settings of the model.
        file_format: ``safetensors`` or ``pth``, as for :meth:`Pretrained.save_pretrained`.

    Raises:
        ValueError: the flat keys cannot express the settings, the system refuses to write, or the
            folder contains a released checkpoint, which would be read in place of a ``.pth``.
    """
    flat = dict(sorted(kind.write(args).items()))
    if file_format == "safetensors":
        names, config = (WEIGHTS_FILE, CONFIG_FILE), {"args": flat}
    elif file_format == "pth":
        names, config = (CONSOLIDATED_FILE, PARAMS_FILE), {kind.section: flat}
        if (folder / CONFIG_FILE).exists():
            raise ValueError(
                f"{folder / CONFIG_FILE} exists and would be read in place of {PARAMS_FILE}; "
                "write the .pth checkpoint to another folder"
            )
    else:
        raise ValueError(f"file_format: {file_format!r} is neither 'safetensors' nor 'pth'")
    with replacing(folder / names[0]) as weights:
        write_tensors(weights, with_own_memory(state))
        write_json(folder / names[1], config)
