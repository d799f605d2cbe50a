"""Weights of a BLT and its entropy model under the tensor names of ``transformers``.

In that format one file contains both models, and all hash n-gram tables are one tensor. Memory
never holds the weights twice: loaded weights are views of the mapped file, and hash n-gram tables
are written one by one.

*Foreign* names are the names of ``transformers``; *own* names are those of the released layout.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bytelatent.files import replacing
from bytelatent.formats.file_names import INDEX_FILE, WEIGHTS_FILE
from bytelatent.formats.stored_names import files_of_tensors
from bytelatent.formats.weights import Shapes, State, read_tensors
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.transformer import LMTransformer

PREFIXES: tuple[tuple[str, str], ...] = (
    ("blt.encoder_hash_tok_embedding.", "model.encoder_hash_tok_embedding"),
    ("blt.local_decoder.output.", "lm_head."),
    ("blt.", "model."),
    ("entropy_model.output.", "model.patcher.lm_head."),
    ("entropy_model.", "model.patcher."),
)
"""Pairs of own and foreign prefix of tensor names; the first own prefix that fits is used."""

NAMES = {
    "tok_embeddings": "embed_tokens",
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "cross_attn_norm_q": "q_norm",
    "cross_attn_norm_kv": "k_norm",
    "wq": "q_proj",
    "wk": "k_proj",
    "wv": "v_proj",
    "wo": "o_proj",
}
"""Foreign name of each layer by its own name; all other layers have the same name."""

_LAYER = re.compile(rf"(?<=\.)({'|'.join(map(re.escape, NAMES))})(?=\.)")
_DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


class Pair(nn.Module):
    """Module that contains a BLT and its entropy model.

    Attributes:
        blt: the BLT.
        entropy_model: the entropy model.
    """

    def __init__(self, blt: ByteLatentTransformer, entropy_model: LMTransformer) -> None:
        super().__init__()
        self.blt = blt
        self.entropy_model = entropy_model


def foreign_names(pair: Pair) -> dict[str, list[str]]:
    """Return the own tensor names by the foreign name of the tensor that contains them.

    If several own tensors form one foreign tensor, they are in the order of its rows. An entropy
    model whose output layer shares the weights of the embedding gets a separate output layer. A BLT
    with shared weights has one foreign tensor for both, with the name of the output layer.
    """
    names: dict[str, list[str]] = {}
    prefixes = PREFIXES
    if pair.blt.args.weight_tying:
        prefixes = (("blt.local_encoder.tok_embeddings.", "lm_head."), *PREFIXES)
    for own in pair.state_dict():
        own_prefix, foreign_prefix = next(row for row in prefixes if own.startswith(row[0]))
        rest = own.removeprefix(own_prefix)
        foreign = foreign_prefix + _LAYER.sub(lambda match: NAMES[match[0]], f".{rest}")[1:]
        if "hash" in foreign_prefix:
            foreign = f"{foreign_prefix}.weight"
        names.setdefault(foreign, []).append(own)
    names.setdefault("model.patcher.lm_head.weight", ["entropy_model.tok_embeddings.weight"])
    return names


def read_pair(folder: Path, pair: Pair, dtype: torch.dtype | None = None) -> None:
    """Load the weights of ``pair`` from one file or from shards.

    Args:
        folder: folder with the files.
        pair: models that were created on the meta device.
        dtype: dtype of the loaded weights; that of the files when None.

    Raises:
        ValueError: a file is missing or damaged, or a tensor is missing, unknown or of another
            shape; the message names it.
    """
    names, own_state = foreign_names(pair), pair.state_dict()
    shapes: Shapes = {}
    for foreign, pieces in names.items():
        rows = sum(own_state[piece].shape[0] for piece in pieces)
        shapes[foreign] = (rows, *own_state[pieces[0]].shape[1:])
    state: State = {}
    for path, file_shapes in _files(folder, shapes).items():
        tensors = read_tensors(path, file_shapes, dtype, one_dtype=False)
        for foreign, tensor in tensors.items():
            sizes = [own_state[piece].shape[0] for piece in names[foreign]]
            state |= dict(zip(names[foreign], torch.split(tensor, sizes), strict=True))
    pair.load_state_dict(state, assign=True)


def write_pair(folder: Path, pair: Pair) -> None:
    """Write the weights of ``pair`` to ``model.safetensors``, completely or not at all."""
    state, names = pair.state_dict(), foreign_names(pair)
    tensors = {foreign: [state[piece] for piece in pieces] for foreign, pieces in names.items()}
    write_stacked(folder / WEIGHTS_FILE, tensors)


def write_stacked(path: Path, tensors: Mapping[str, Sequence[Tensor]]) -> None:
    """Write a safetensors file; the pieces of each tensor are concatenated along dimension 0.

    The file consists of the length of the header (8 bytes, little-endian), the header in JSON and
    the numbers.

    Args:
        path: path of the file.
        tensors: pieces of each tensor, by its name.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    # Wide dtypes come first, so that every tensor starts at a multiple of its width.
    names = sorted(tensors, key=lambda name: (-tensors[name][0].element_size(), name))
    for name in names:
        pieces, begin = tensors[name], end
        end += sum(piece.nbytes for piece in pieces)
        header[name] = {
            "dtype": _DTYPES[pieces[0].dtype],
            "shape": [sum(piece.shape[0] for piece in pieces), *pieces[0].shape[1:]],
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            for piece in tensors[name]:
                plain = piece.detach().cpu().contiguous()
                file.write(plain.view(torch.uint8).numpy().data)


def _files(folder: Path, shapes: Shapes) -> dict[Path, Shapes]:
    """Return the files of the weights and, for each file, the shapes of the tensors in it."""
    single, index = folder / WEIGHTS_FILE, folder / INDEX_FILE
    if single.is_file() or not index.is_file():
        return {single: shapes}
    files = files_of_tensors(index)
    missing = shapes.keys() - files.keys()
    if missing:
        raise ValueError(f"{index} lacks tensor {min(missing)!r} ({len(missing)} in all)")
    return {
        shard: {name: shape for name, shape in shapes.items() if files[name] == shard}
        for shard in sorted(set(files.values()))
    }
