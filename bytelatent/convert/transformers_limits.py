"""Settings that the format of ``transformers`` cannot express, and configs that are not supported.

The limits were measured with ``transformers`` 5.23; ``tests/test_peer.py`` shows the differences.
"""

from typing import Any, NamedTuple

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.convert.transformers_config import TransformersConfig


class _Limit(NamedTuple):
    setting: str
    value: Any
    fits: bool
    accepted: str


def check_expressible(blt: ByteLatentTransformerArgs, entropy: LMTransformerArgs) -> None:
    """Check that ``transformers`` can run a model with the same results.

    Args:
        blt: settings of the BLT.
        entropy: settings of the entropy model.

    Raises:
        ValueError: a setting cannot be expressed; the message names it, its value and the accepted
            values.
    """
    for limit in (*_model_limits(blt), *_stack_limits(blt, entropy)):
        if not limit.fits:
            raise ValueError(
                f"{limit.setting}: {limit.value!r} cannot be expressed in the transformers format; "
                f"accepted: {limit.accepted}"
            )


def check_agreement(config: TransformersConfig) -> None:
    """Check that no keys of a config contradict each other and that its heads are supported.

    Raises:
        ValueError: two keys contradict each other; the message names both and their values.
    """
    encoder, decoder = config.encoder_config, config.decoder_config
    pairs = [
        ("encoder_config.cross_attn_k", encoder.cross_attn_k, "cross_attn_k", config.cross_attn_k),
        ("decoder_config.cross_attn_k", decoder.cross_attn_k, "cross_attn_k", config.cross_attn_k),
    ]
    for name in ("patcher_config", "encoder_config", "decoder_config"):
        size = getattr(config, name).vocab_size
        pairs.append((f"{name}.vocab_size", size, "vocab_size", config.vocab_size))
    for key in ("num_attention_heads", "dropout"):
        values = getattr(encoder, key), getattr(decoder, key)
        pairs.append((f"encoder_config.{key}", values[0], f"decoder_config.{key}", values[1]))
    for name in ("patcher_config", "encoder_config", "decoder_config", "global_config"):
        stack = getattr(config, name)
        heads, kv_heads = stack.num_attention_heads, stack.num_key_value_heads
        if name in ("encoder_config", "decoder_config") and kv_heads is not None:
            pairs.append(
                (f"{name}.num_key_value_heads", kv_heads, f"{name}.num_attention_heads", heads)
            )
        if stack.head_dim is not None:
            width = stack.hidden_size // heads
            pairs.append((f"{name}.head_dim", stack.head_dim, "hidden width by heads", width))
    for name, value, other_name, other in pairs:
        if value != other:
            raise ValueError(f"{name}: {value} must equal {other_name}, {other}")


def _model_limits(blt: ByteLatentTransformerArgs) -> list[_Limit]:
    encoder, decoder, hashes = blt.encoder, blt.decoder, blt.hashes
    # With cross-attention after several encoder layers, `transformers` pools the queries again at
    # each layer; the released weights need the output of one layer as the query of the next.
    last = encoder.cross_layers == [encoder.n_layers - 1]
    first_or_all = decoder.cross_attention == "all" or decoder.cross_layers == [0]
    no_grams = not blt.ngram_vocab_sizes
    return [
        _Limit("pooling", blt.pooling, blt.pooling == ("max",), "('max',)"),
        _Limit("hashes.sizes", hashes.sizes, bool(hashes.sizes), "one size or more"),
        _Limit("ngram_vocab_sizes", blt.ngram_vocab_sizes, no_grams, "no n-gram tables"),
        _Limit("encoder.cross_attention", encoder.cross_attention, last, "'last'"),
        _Limit(
            "decoder.cross_attention", decoder.cross_attention, first_or_all, "'first' or 'all'"
        ),
    ]


def _stack_limits(blt: ByteLatentTransformerArgs, entropy: LMTransformerArgs) -> list[_Limit]:
    encoder, decoder = blt.encoder, blt.decoder
    parts = {
        "encoder": encoder,
        "decoder": decoder,
        "global_model": blt.global_model,
        "entropy_model": entropy,
    }
    limits = [
        _Limit(
            "decoder.window",
            decoder.window,
            decoder.window == encoder.window,
            f"encoder.window, {encoder.window}",
        ),
        _Limit(
            "entropy_model.attn_bias_type",
            entropy.attn_bias_type,
            entropy.separates_documents,
            "'local_block_causal' or 'block_causal'",
        ),
        _Limit("entropy_model.hashes", entropy.hashes, entropy.hashes is None, "null"),
        _Limit(
            "entropy_model.vocab_size",
            entropy.vocab_size,
            entropy.vocab_size == blt.vocab_size,
            f"that of the BLT, {blt.vocab_size}, because both read the same ids",
        ),
        _Limit(
            "entropy_model.eos_id",
            entropy.eos_id,
            entropy.eos_id == blt.eos_id,
            f"that of the BLT, {blt.eos_id}",
        ),
    ]
    for name in ("encoder", "decoder"):
        heads, grouped = parts[name].n_heads, parts[name].kv_heads
        equal = heads == blt.cross_heads
        limits += [
            _Limit(f"{name}.n_heads", heads, equal, f"cross_heads, {blt.cross_heads}"),
            _Limit(f"{name}.n_kv_heads", grouped, grouped == heads, f"n_heads, {heads}"),
        ]
    for name, part in parts.items():
        plain = part.head_width * part.n_heads == part.dim
        limits.append(_Limit(f"{name}.head_dim", part.head_dim, plain, "dim / n_heads"))
    return limits
