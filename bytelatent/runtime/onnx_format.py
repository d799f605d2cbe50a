"""What the ONNX files of a BLT that generates without torch hold, for writer and reader.

Beside the ``model.safetensors`` of a BLT lie ``encoder.onnx``, ``global.onnx`` and
``decoder.onnx``; beside that of its entropy model lies ``entropy.onnx``. They hold no weights:
those are read from the safetensors file, at the places its header names. Each takes ``S`` new
positions of one row; caches are inputs, and only the new keys and values come out. With each stack
of blocks come the inputs

| input                      | shape       |                                                       |
|----------------------------|-------------|-------------------------------------------------------|
| ``cos``, ``sin``           | [1, S, C]   | of the angles of the new positions                    |
| ``mask``                   | [S, T + S]  | 0, and -inf where a position does not look            |
| ``split``                  | [2]         | ``T`` and ``S``                                       |
| ``keys_0``, ``values_0`` … | [G, T, E]   | of every layer: rotated keys, and values, of the past |

and the output ``new``, ``[L * 2 G, S, E]``: keys and values of the new positions, layer by layer.
Besides these:

| file    | input                                     | output                                    |
|---------|-------------------------------------------|-------------------------------------------|
| entropy | ``tokens`` [S], ``hashes`` [S, N] if it   | ``entropies`` [S] nats, ``logits`` [S, V] |
|         | has hash tables                           |                                           |
| encoder | ``tokens`` [S], ``hashes`` [S, N]         | ``states`` [S, D], ``read`` [R, S, D]     |
| global  | ``read`` [R, B, D]; ``index``, ``room``   | ``latents`` [S, F],                       |
|         | [S, M]: the bytes of each patch, and 0 or | ``weights`` [R, S, M, K, H]               |
|         | -inf where there is none                  |                                           |
| decoder | ``states`` [S, D], ``latents`` [P, F],    | ``logits`` [S, V],                        |
|         | ``patch`` [S]: the latent of each byte    | ``weights`` [X, S, K, H]                  |

Legend: ``S`` new positions (of ``global``: patches), ``T`` places of a cache, ``L`` layers, ``G``
key/value heads, ``E`` head width, ``C = E / 2``, ``V`` vocabulary, ``D`` local width, ``N`` hash
tables, ``R`` layers that patches read, ``B`` bytes, ``M`` bytes of the longest patch, ``K`` vectors
per patch, ``H`` heads of cross-attention, ``X`` layers with it in the decoder, ``F`` numbers that
bytes read of a patch.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ENTROPY_GRAPH = "entropy.onnx"
ENCODER_GRAPH = "encoder.onnx"
GLOBAL_GRAPH = "global.onnx"
DECODER_GRAPH = "decoder.onnx"
BLT_GRAPHS = (ENCODER_GRAPH, GLOBAL_GRAPH, DECODER_GRAPH)

SELF_CONTAINED_FILE = "model.onnx"
"""An entropy model with its weights, as earlier versions wrote it."""

WEIGHTS_FILE = "model.safetensors"

ENTROPY_FOLDER = "entropy_model"
"""Where released BLTs keep their entropy model."""

SHAPE_KEY = "bytelatent.shape"
"""Of a graph's metadata: a :class:`BltShape` or :class:`EntropyShape` in JSON."""

GRAPH_KEY = "bytelatent.graph"
"""Likewise: name that the file has, ``encoder.onnx`` say."""

WEIGHTS_KEY = "bytelatent.weights"
"""Likewise: fingerprint of the safetensors file (:mod:`bytelatent.formats.safetensors_header`)."""


class StackShape(BaseModel):
    """A stack of transformer blocks; see :class:`bytelatent.architecture.args.TransformerArgs`.

    Attributes:
        layers, heads, kv_heads, head_width: counts.
        window: positions that a position sees; None for all.
        rope_theta: base of the rotary angles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: int = Field(ge=1)
    heads: int = Field(ge=1)
    kv_heads: int = Field(ge=1)
    head_width: int = Field(ge=2)
    window: int | None = Field(ge=1)
    rope_theta: float = Field(gt=0)


class EntropyShape(BaseModel):
    """An entropy model.

    Attributes:
        stack: its blocks.
        vocab_size, eos_id: as in its args.
        separates_documents: whether attention stops at an end of document.
        hash_sizes, hash_buckets, hash_functions: of the hash n-grams, if it has any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["entropy model"] = "entropy model"
    stack: StackShape
    vocab_size: int
    eos_id: int
    separates_documents: bool
    hash_sizes: tuple[int, ...] = ()
    hash_buckets: int = 1
    hash_functions: int = 1


class BltShape(BaseModel):
    """A BLT; see :class:`bytelatent.architecture.blt_args.ByteLatentTransformerArgs`.

    Attributes:
        encoder, global_model, decoder: their blocks.
        dim: local width.
        read_layers: layers of the encoder that patches read.
        patch_vectors, cross_heads: of cross-attention.
        encoder_cross, decoder_cross: layers that have it.
        patch_bytes: room for bytes side by side; None if they are pooled.
        hash_sizes, hash_buckets, hash_functions: of the hash n-grams.
        vocab_size, eos_id: as in its args.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["BLT"] = "BLT"
    encoder: StackShape
    global_model: StackShape
    decoder: StackShape
    dim: int
    read_layers: tuple[int, ...]
    patch_vectors: int
    cross_heads: int
    encoder_cross: tuple[int, ...]
    decoder_cross: tuple[int, ...]
    patch_bytes: int | None
    hash_sizes: tuple[int, ...]
    hash_buckets: int
    hash_functions: int
    vocab_size: int
    eos_id: int
