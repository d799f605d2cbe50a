"""Reading checkpoints of ``torch.distributed.checkpoint`` without running code stored in them.

A checkpoint may come from somebody else. torch unpickles the file ``.metadata`` and the settings of
the optimisers without a restriction, and a pickle may call any function. The reader and the planner
of this module accept only the types that every checkpoint consists of.
"""

import io
import pickle
from pathlib import Path
from typing import IO, Any

import torch
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta
from torch.distributed.checkpoint.planner import ReadItem

METADATA_FILE = ".metadata"

ACCEPTED = frozenset(
    [
        *(
            ("torch.distributed.checkpoint.metadata", name)
            for name in (
                *("BytesStorageMetadata", "ChunkStorageMetadata", "Metadata", "MetadataIndex"),
                *("StorageMeta", "TensorProperties", "TensorStorageMetadata"),
                "_MEM_FORMAT_ENCODING",
            )
        ),
        ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
        ("torch.serialization", "_get_layout"),
        ("torch", "Size"),
        # The folder that the checkpoint was written to; Python 3.13 has another module for it.
        *(
            (module, name)
            for module in ("pathlib", "pathlib._local")
            for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
        ),
    ]
)
"""Modules and names of everything that metadata of torch consist of, besides dtypes."""


class _MetadataUnpickler(pickle.Unpickler):
    """Unpickler that looks up only the names in :data:`ACCEPTED` and the dtypes of torch."""

    def find_class(self, module: str, name: str) -> Any:
        is_dtype = module == "torch" and isinstance(vars(torch).get(name), torch.dtype)
        if is_dtype or (module, name) in ACCEPTED:
            return super().find_class(module, name)
        raise _RefusedError(f"names {module}.{name}, which does not belong there")


class _RefusedError(ValueError):
    """Error that a pickle names something that no checkpoint needs."""


class CheckpointReader(FileSystemReader):
    """Reader of a checkpoint in a folder that may come from somebody else."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """Read the descriptions of all tensors.

        Raises:
            ValueError: the file is missing or damaged, contains anything but descriptions, or
                refers to a file outside the folder.
        """
        path = Path(self.path) / METADATA_FILE
        with path.open("rb") as file:
            metadata = _metadata(path, file)
        for part in metadata.storage_data.values():
            name = part.relative_path
            if not isinstance(name, str) or name in ("", "..") or Path(name).name != name:
                raise ValueError(f"{path}: {name!r} is no file of the checkpoint")
        metadata.storage_meta = metadata.storage_meta or StorageMeta()
        metadata.storage_meta.load_id = self.load_id
        return metadata


class PlainValuesPlanner(DefaultLoadPlanner):
    """Load planner that reads values besides tensors, such as learning rates, only if plain."""

    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        """Put the value of ``read_item`` into the state dict that is loaded.

        Raises:
            ValueError: ``value`` contains more than plain values and tensors.
        """
        try:
            plain = torch.load(value, weights_only=True)
        except pickle.UnpicklingError:
            raise ValueError(
                f"{read_item.dest_index.fqn} holds more than plain values; it could run code, so "
                "it is not read"
            ) from None
        again = io.BytesIO()
        torch.save(plain, again)
        again.seek(0)
        super().load_bytes(read_item, again)


def _metadata(path: Path, file: IO[bytes]) -> Metadata:
    try:
        metadata = _MetadataUnpickler(file).load()
    except _RefusedError as error:
        raise ValueError(f"{path} {error}; such a file could run code, so it is not read") from None
    except Exception as error:  # a damaged pickle raises errors of many kinds
        raise ValueError(f"{path} is damaged: {type(error).__name__}") from None
    if not isinstance(metadata, Metadata) or not isinstance(metadata.storage_data, dict):
        raise ValueError(f"{path} is damaged: it holds no description of tensors")
    return metadata
