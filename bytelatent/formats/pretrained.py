"""Reading and writing models: a folder or the hub, in either layout of Meta's checkpoints."""

from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bytelatent.files import replacing, write_json
from bytelatent.formats.find import model_folder
from bytelatent.formats.hub import model_card, upload
from bytelatent.formats.released import (
    CONFIG_FILE,
    CONSOLIDATED_FILE,
    MODEL_FILES,
    PARAMS_FILE,
    WEIGHTS_FILE,
    Args,
    FileFormat,
    Kind,
    find_checkpoint,
)
from bytelatent.formats.weights import State, read_tensors, write_tensors


class NoValues(TorchFunctionMode):
    """Leaves out ``nn.init.normal_``: on the meta device it loads torch's compiler, for a second.

    ``nn.Embedding`` calls it when it is made.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call ``func``, or give its tensor back as it is."""
        kwargs = kwargs or {}
        return kwargs["tensor"] if func is nn.init.normal_ else func(*args, **kwargs)


class Pretrained(nn.Module):
    """A network that is made from its args, and has checkpoints.

    Attributes:
        kind: what its checkpoints say.
        summary: a sentence for model cards.
        args: what it was made from.
    """

    kind: ClassVar[Kind[Any]]
    summary: ClassVar[str]
    args: Any

    def __init__(self, args: Any) -> None:
        super().__init__()
        self.args = args

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, *, dtype: torch.dtype | None = None) -> Self:
        """Load a folder, shipped model or hub repository, in eval mode.

        The file is mapped into memory, so the weights are never held twice, and those of another
        dtype are converted part by part.

        Args:
            name_or_path: a folder, or a name such as ``facebook/blt-entropy``; it holds
                ``config.json`` and ``model.safetensors``, or ``params.json`` and
                ``consolidated.pth``.
            dtype: convert the weights on the way in.

        Raises:
            ValueError: a file is missing, damaged or does not fit; the message names it.
        """
        folder = model_folder(name_or_path, MODEL_FILES)
        found = find_checkpoint(folder, cls.kind)
        with torch.device("meta"), NoValues():
            model = cls(found.args)
        shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        model.load_state_dict(read_tensors(found.weights, shapes, dtype), assign=True)
        return model.eval()

    def save_pretrained(
        self, folder: str | Path, *, file_format: FileFormat = "safetensors"
    ) -> None:
        """Write the model, each file whole or not at all.

        Args:
            folder: made if it is not there.
            file_format: ``safetensors`` for ``config.json`` and ``model.safetensors``, ``pth`` for
                ``params.json`` and ``consolidated.pth``.

        Raises:
            ValueError: the args have a shape that the flat keys cannot express, or the system
                refuses to write.
        """
        write_checkpoint(Path(folder), self.state_dict(), self.kind, self.args, file_format)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        commit_message: str | None = None,
    ) -> str:
        """Write the model to a hub repository, which is made if it is not there.

        A repository without a ``README.md`` gets a model card; one that is there stays.

        Args:
            repo_id: ``owner/name``.
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
            private=private,
            token=token,
            commit_message=commit_message or f"Upload {type(self).__name__}",
        )

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
    folder: Path, state: State, kind: Kind[Args], args: Args, file_format: FileFormat
) -> None:
    """Write a checkpoint; its files appear whole or not at all.

    Raises:
        ValueError: the flat keys cannot express the args, the system refuses to write, or the
            folder holds a released checkpoint, which would be read in place of a ``.pth``.
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
        write_tensors(weights, {name: t.detach().contiguous() for name, t in state.items()})
        write_json(folder / names[1], config)
