"""File format of a BLT that generates without torch, for the writer and the reader.

The folder of a BLT holds ``encoder.onnx``, ``global.onnx`` and ``decoder.onnx`` next to
``model.safetensors``; the folder of its entropy model holds ``entropy.onnx``. The graphs contain no
weights: these are read from the safetensors file, at the offsets in its header. Each graph takes
``S`` new positions of each of ``R`` rows, which advance together but may be at different places of
different texts. KV caches are inputs, and only the new keys and values are outputs. Each stack of
blocks has these inputs:

| input                      | shape          |                                                    |
|----------------------------|----------------|----------------------------------------------------|
| ``cos``, ``sin``           | [R, S, C]      | cosine and sine of the angles of the new positions |
| ``mask``                   | [R, 1, S, T+S] | -inf where a new position does not attend, else 0  |
| ``split``                  | [2]            | ``T`` and ``S``                                    |
| ``keys_0``, ``values_0`` … | [R, G, T, E]   | rotated keys, and values, in the cache of a layer  |

It has the output ``new``, ``[R, L * 2 G, S, E]``: keys and values of the new positions, layer by
layer. The other inputs and outputs have the ``A = R * S`` new positions of all rows, row by row:

| file    | input                                     | output                                    |
|---------|-------------------------------------------|-------------------------------------------|
| entropy | ``tokens`` [A], ``hashes`` [A, N] if it   | ``entropies`` [A] nats, ``logits`` [A, V] |
|         | has hash tables                           |                                           |
| encoder | ``tokens`` [A], ``hashes`` [A, N]         | ``states`` [A, D], ``read`` [J, A, D]     |
| global  | ``read`` [J, B, D]; ``index``, ``room``   | ``latents`` [A, F],                       |
|         | [A, M]: the bytes of each patch, and -inf | ``weights`` [J, A, M, K, H]               |
|         | for padding, else 0                       |                                           |
| decoder | ``states`` [A, D], ``latents`` [P, F],    | ``logits`` [A, V],                        |
|         | ``patch`` [A]: the latent of each byte    | ``weights`` [X, A, K, H]                  |

Earlier versions wrote graphs of one row, without the dimension ``R``;
:class:`bytelatent.runtime.sessions.OneRowGraph` runs them.

Legend: ``R`` rows, ``S`` new positions of each (in ``global``: patches), ``A`` new positions of all
rows, ``T`` slots of a cache, ``L`` layers, ``G`` key/value heads, ``E`` head width, ``C = E / 2``,
``V`` vocabulary, ``D`` local width, ``N`` hash tables, ``J`` encoder layers whose states patches
use, ``B`` bytes, ``M`` bytes of the longest patch, ``K`` vectors per patch, ``H`` heads of
cross-attention, ``X`` layers of the decoder with cross-attention, ``P`` latents, ``F`` width of a
latent.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ENTROPY_GRAPH = "entropy.onnx"
ENCODER_GRAPH = "encoder.onnx"
GLOBAL_GRAPH = "global.onnx"
DECODER_GRAPH = "decoder.onnx"
BLT_GRAPHS = (ENCODER_GRAPH, GLOBAL_GRAPH, DECODER_GRAPH)

SELF_CONTAINED_FILE = "model.onnx"
"""Name of the file of an entropy model with its weights, as earlier versions wrote it."""


SHAPE_KEY = "bytelatent.shape"
"""Metadata key of a graph: a :class:`BltShape` or :class:`EntropyShape` in JSON."""

GRAPH_KEY = "bytelatent.graph"
"""Metadata key of a graph: the name of its file, for example ``encoder.onnx``."""

WEIGHTS_KEY = "bytelatent.weights"
"""Metadata key of a graph: the fingerprint of its safetensors file.

The fingerprint is computed by :mod:`bytelatent.formats.safetensors_header`.
"""


class StackShape(BaseModel):
    """Dimensions of a stack of blocks; see :class:`bytelatent.architecture.args.TransformerArgs`.

    Attributes:
        layers, heads, kv_heads, head_width: numbers of layers and heads, and the width of a head.
        window: number of positions that a position attends to, itself included; None for all.
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
    """Dimensions of an entropy model.

    Attributes:
        kind: the kind of model; always ``entropy model``.
        stack: dimensions of its blocks.
        vocab_size, eos_id: number of token ids, and the id of the end of a document.
        separates_documents: whether attention stops at an end of document.
        hash_sizes, hash_buckets, hash_functions: dimensions of the hash n-grams; no sizes if there
            are none.
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
    """Dimensions of a BLT; see :class:`bytelatent.architecture.blt_args.ByteLatentTransformerArgs`.

    Attributes:
        kind: the kind of model; always ``BLT``.
        encoder, global_model, decoder: dimensions of the blocks of the three transformers.
        dim: local width.
        read_layers: encoder layers whose states patches use.
        patch_vectors, cross_heads: numbers of vectors per patch and of heads of cross-attention.
        encoder_cross, decoder_cross: layers with cross-attention.
        patch_bytes: largest number of bytes to concatenate in a patch; None if bytes are pooled.
        hash_sizes, hash_buckets, hash_functions: dimensions of the hash n-grams.
        vocab_size, eos_id: number of token ids, and the id of the end of a document.
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
