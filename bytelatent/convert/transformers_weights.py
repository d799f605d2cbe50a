"""The weights of a BLT and its entropy model, under the names of ``transformers``.

Both sit in one file there, the hash tables as one tensor. Neither direction holds the weights
twice: what is read stays a view of the mapped file, what is written goes out table by table.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bytelatent.files import read_json, replacing
from bytelatent.formats.released import WEIGHTS_FILE
from bytelatent.formats.weights import Shapes, State, read_tensors
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.transformer import LMTransformer

INDEX_FILE = "model.safetensors.index.json"
SHARDS = "model-*.safetensors"

PLACES: tuple[tuple[str, str], ...] = (
    ("blt.encoder_hash_tok_embedding.", "model.encoder_hash_tok_embedding"),
    ("blt.local_decoder.output.", "lm_head."),
    ("blt.", "model."),
    ("entropy_model.output.", "model.patcher.lm_head."),
    ("entropy_model.", "model.patcher."),
)
"""Where a tensor belongs; the first beginning that fits decides."""

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
"""Names of layers here and there, wherever they occur; the others are the same."""

_LAYER = re.compile(rf"(?<=\.)({'|'.join(map(re.escape, NAMES))})(?=\.)")
_DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


class Pair(nn.Module):
    """A BLT and its entropy model."""

    def __init__(self, blt: ByteLatentTransformer, entropy_model: LMTransformer) -> None:
        super().__init__()
        self.blt = blt
        self.entropy_model = entropy_model


def their_names(pair: Pair) -> dict[str, list[str]]:
    """Our tensors by the name of the one that holds them there, in the order of its rows.

    The output layer of an entropy model that shares its weights is written out; that of a BLT is
    shared there too, under the output's name.
    """
    names: dict[str, list[str]] = {}
    places = PLACES
    if pair.blt.args.weight_tying:
        places = (("blt.local_encoder.tok_embeddings.", "lm_head."), *PLACES)
    for ours in pair.state_dict():
        start, place = next(place for place in places if ours.startswith(place[0]))
        rest = ours.removeprefix(start)
        theirs = place + _LAYER.sub(lambda match: NAMES[match[0]], f".{rest}")[1:]
        if "hash" in place:
            theirs = f"{place}.weight"
        names.setdefault(theirs, []).append(ours)
    names.setdefault("model.patcher.lm_head.weight", ["entropy_model.tok_embeddings.weight"])
    return names


def read_pair(folder: Path, pair: Pair, dtype: torch.dtype | None = None) -> None:
    """Fill ``pair``, which was built on the meta device, from one file or from shards.

    Raises:
        ValueError: a file is missing or damaged, or a tensor is missing, unknown or of another
            shape; the message names it.
    """
    names, ours = their_names(pair), pair.state_dict()
    shapes: Shapes = {}
    for theirs, pieces in names.items():
        rows = sum(ours[piece].shape[0] for piece in pieces)
        shapes[theirs] = (rows, *ours[pieces[0]].shape[1:])
    state: State = {}
    for path, here in _files(folder, shapes).items():
        for theirs, tensor in read_tensors(path, here, dtype).items():
            sizes = [ours[piece].shape[0] for piece in names[theirs]]
            state |= dict(zip(names[theirs], torch.split(tensor, sizes), strict=True))
    pair.load_state_dict(state, assign=True)


def write_pair(folder: Path, pair: Pair) -> None:
    """Write ``model.safetensors``, whole or not at all."""
    ours = pair.state_dict()
    tensors = {theirs: [ours[p] for p in pieces] for theirs, pieces in their_names(pair).items()}
    write_stacked(folder / WEIGHTS_FILE, tensors)


def write_stacked(path: Path, tensors: Mapping[str, Sequence[Tensor]]) -> None:
    """Write a safetensors file of tensors that are given as pieces, stacked along dimension 0.

    The format: the length of the header (8 bytes, little-endian), the header in JSON, the numbers.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    # Wide types first, so that every tensor starts at a multiple of its width.
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
    """The files of the weights, and the shapes of what must be in each."""
    single, index = folder / WEIGHTS_FILE, folder / INDEX_FILE
    if single.is_file() or not index.is_file():
        return {single: shapes}
    listed = read_json(index)
    shards = listed.get("weight_map") if isinstance(listed, dict) else None
    if not isinstance(shards, dict) or any(Path(str(s)).name != s for s in shards.values()):
        raise ValueError(f'{index} needs a "weight_map" from tensors to files of this folder')
    missing = shapes.keys() - shards.keys()
    if missing:
        raise ValueError(f"{index} lacks tensor {min(missing)!r} ({len(missing)} in all)")
    return {
        folder / shard: {name: shape for name, shape in shapes.items() if shards[name] == shard}
        for shard in sorted(set(shards.values()))
    }
