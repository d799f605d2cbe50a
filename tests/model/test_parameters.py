"""Parameters counted by the args are those that the models have."""

import pytest
import torch

from bytelatent.architecture.args import HashArgs, LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.parameters import Parameters, blt_parameters, entropy_parameters
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.transformer import LMTransformer

LOCAL = {"dim": 16, "n_heads": 2, "n_layers": 2, "multiple_of": 8, "window": 16}
SMALL = {
    "encoder": LOCAL | {"cross_attention": "last"},
    "decoder": LOCAL | {"cross_attention": "all"},
    "global_model": {"dim": 24, "n_heads": 2, "n_layers": 3, "multiple_of": 8},
    "cross_heads": 2,
    "hashes": {"sizes": [3, 4, 7], "buckets": 50, "functions": 2},
}
VARIANTS = {
    "small": {},
    "patch vectors as wide as the global model": {"global_model": {"dim": 32, "n_heads": 2}},
    "three vectors": {"patch_vectors": 3},
    "grouped heads": {"global_model": {"dim": 24, "n_heads": 4, "head_dim": 8, "n_kv_heads": 2}},
    "no hashes": {"hashes": {"sizes": []}},
    "n-gram tables": {"ngram_vocab_sizes": {2: 30, 3: 70}},
    "tied": {"weight_tying": True},
    "decoder reads once": {"decoder": LOCAL | {"cross_attention": "first"}},
    "no cross-attention": {
        "encoder": LOCAL | {"cross_attention": "none"},
        "decoder": LOCAL | {"cross_attention": "none"},
        "pooling": ["max", "avg"],
    },
    "no cross-attention, equal widths": {
        "encoder": LOCAL | {"cross_attention": "none"},
        "decoder": LOCAL | {"cross_attention": "none"},
        "global_model": {"dim": 16, "n_heads": 2},
    },
}
PARTS = {
    "embeddings": ("local_encoder.tok_embeddings.",),
    "hashes": ("encoder_hash_tok_embedding.", "encoder_ngram_embedding."),
    "encoder": ("local_encoder.layers.",),
    "encoder_cross": (
        "local_encoder.cross_attn_layers.",
        "local_encoder.patch_embedding_projection.",
    ),
    "global_model": ("global_transformer.",),
    "decoder_cross": (
        "local_decoder.cross_attn_layers.",
        "local_decoder.patch_embedding_projection.",
    ),
    "decoder": ("local_decoder.layers.", "local_decoder.norm.", "local_decoder.output."),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_part_of_a_blt(name) -> None:
    args = ByteLatentTransformerArgs.model_validate(SMALL | VARIANTS[name])
    with torch.device("meta"):
        model = ByteLatentTransformer(args)
    found = dict.fromkeys(PARTS, 0)
    for parameter, values in model.named_parameters():
        (part,) = (part for part, prefixes in PARTS.items() if parameter.startswith(prefixes))
        found[part] += values.numel()
    assert blt_parameters(args) == Parameters(**found)
    assert blt_parameters(args).total == sum(p.numel() for p in model.parameters())


def test_the_released_model() -> None:
    assert blt_parameters(ByteLatentTransformerArgs()).total == 4_533_879_808


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("hashes", [None, HashArgs(sizes=(3, 4, 7), buckets=50, functions=2)])
def test_entropy_models(tied, hashes) -> None:
    args = LMTransformerArgs(
        dim=32, n_layers=2, n_heads=4, n_kv_heads=2, weight_tying=tied, hashes=hashes
    )
    with torch.device("meta"):
        model = LMTransformer(args)
    assert entropy_parameters(args) == sum(p.numel() for p in model.parameters())
