"""Conversion between the flat keys of released BLT checkpoints and nested settings.

Every released ``config.json`` contains 101 options of three kinds:

- options that shape the model: they are read into :class:`ByteLatentTransformerArgs` and written;
- options that must have one value, because the released weights need it (:data:`FIXED`): they are
  checked;
- options that do not change the result (:data:`RETIRED`): they are accepted and ignored.

Any other key is an error. If these keys cannot describe a model, its nested settings are written
under the same key of the same file instead.
"""

import difflib
from typing import Any

from bytelatent.architecture.args import HashArgs, TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, CrossLayers, LocalArgs
from bytelatent.formats.released import CheckpointKind

FIXED: dict[str, tuple[Any, ...]] = {
    "architecture": ("vanilla",),
    "conv_kernel_size": (None,),
    "cross_attn_init_by_pooling": (True,),
    "cross_attn_window_decoder": (None,),
    "cross_attn_window_encoder": (None,),
    "dim_patch_emb": (None,),
    "dim_token": (None,),
    "dim_token_emb": (None,),
    "encoder_lm_loss": (False,),
    "encoder_preds_low_entropy_toks": (None,),
    "encoder_preds_random_toks": (None,),
    "global_local_decoder_residual_layer": (None,),
    "head_dim": (None,),
    "non_linearity": ("swiglu",),
    "norm_affine": (True,),
    "norm_type": ("rmsnorm",),
    "output_size": (-1,),
    "pm_size": (0,),
    "pre_norm": (True,),
    "tie_local_encoder_decoder": (False,),
    "tie_local_encoder_decoder_logits": (False,),
    "tokenize_with_bpe_delimiter": (False,),
    "use_local_encoder_transformer": (True,),
    "use_rope": (True,),
}
"""Keys with their accepted values; the model is not implemented for other values."""

FIXED_WITH: dict[str, tuple[str, ...]] = {
    "cross_attn_init_by_pooling": ("cross_attn_encoder", "cross_attn_decoder"),
    "cross_attn_window_decoder": ("cross_attn_decoder",),
    "cross_attn_window_encoder": ("cross_attn_encoder",),
}
"""For keys of :data:`FIXED` that mean something only if one of some other keys is true, these."""

RETIRED = frozenset(
    [
        "alpha_depth",
        "attn_bias_type",
        "attn_impl",
        "attn_to_keep",
        "cross_attn_use_flex_attention",
        "custom_bwd",
        "dim",
        "encoder_enable_byte_group_hash",
        "encoder_ngram_table_dir",
        "entropy_model_checkpoint_dir",
        "entropy_model_is_ngram_model",
        "full_logging_n_layers",
        "fuse_sequence_parallel",
        "init_use_depth",
        "init_use_gaussian",
        "layer_ckpt",
        "log_patch_lengths",
        "loss_parallel",
        "max_encoder_seq_length",
        "max_length",
        "max_patch_length",
        "max_seqlen",
        "monotonicity",
        "n_heads",
        "n_layers",
        "pad_to_max_length",
        "patch_in_forward",
        "patch_size",
        "patching_batch_size",
        "patching_device",
        "patching_mode",
        "patching_threshold",
        "patching_threshold_add",
        "patching_thresholds_str",
        "recompute_attn",
        "recompute_fc1_out",
        "recompute_fc3_out",
        "rope_use_fp32_in_outer_product",
        "sequence_parallel",
        "share_encoder_decoder_emb",
        "use_fsdp",
    ]
)
"""Keys of kernels, parallelism and logging, and of patching, which ``train_args.json`` decides."""

_POOLINGS = {
    "max": ("max",),
    "min": ("min",),
    "avg": ("avg",),
    "mean": ("avg",),
    "avg_max_min": ("avg", "max", "min"),
}
_SHARED = ("ffn_dim_multiplier", "multiple_of", "norm_eps", "rope_theta")
_INIT = ("init_base_std", "init_std_factor")


def nested_args(flat: dict[str, Any]) -> ByteLatentTransformerArgs:
    """Convert the flat settings of a released BLT to nested settings.

    Settings that are nested already are accepted too.

    Raises:
        ValueError: a key is missing, unknown, or has a value that is not implemented.
    """
    if "global_model" in flat:
        return ByteLatentTransformerArgs.model_validate(flat)
    left = {key: value for key, value in flat.items() if key not in RETIRED}
    for key, accepted in FIXED.items():
        matters = any(flat.get(other) for other in FIXED_WITH[key]) if key in FIXED_WITH else True
        if key in left and left.pop(key) not in accepted and matters:
            raise ValueError(f"{key}: {flat[key]!r} is not supported; accepted: {accepted[0]!r}")
    try:
        args = _take(left)
    except KeyError as error:
        raise ValueError(f"{error.args[0]}: missing; is it the config of a BLT model?") from None
    if left:
        near = difflib.get_close_matches(min(left), sorted(flat.keys() - left), n=1, cutoff=0.0)
        raise ValueError(f"{min(left)}: unknown key; the nearest known one is {near[0]}")
    return args


def flat_args(args: ByteLatentTransformerArgs) -> dict[str, Any]:
    """Convert the settings of a BLT to flat settings, the inverse of :func:`nested_args`.

    Raises:
        ValueError: the flat keys cannot express ``args``.
    """
    encoder, decoder, wide = args.encoder, args.decoder, args.global_model
    pooling = next((name for name, kind in _POOLINGS.items() if kind == args.pooling), None)
    flat: dict[str, Any] = {key: accepted[0] for key, accepted in FIXED.items()}
    flat |= {key: getattr(encoder, key) for key in (*_SHARED, *_INIT)}
    for name, part in (("local_encoder", encoder), ("local_decoder", decoder), ("global", wide)):
        flat[f"dim_{name}"] = part.dim
        flat[f"n_layers_{name}"] = part.n_layers
        flat[f"n_heads_{name}"] = part.n_heads
    flat |= {
        "n_kv_heads": encoder.n_kv_heads,
        "n_kv_heads_global": wide.n_kv_heads,
        "local_attention_window_len": encoder.window,
        "cross_attn_encoder": encoder.cross_attention != "none",
        "cross_attn_all_layers_encoder": encoder.cross_attention == "all",
        "cross_attn_decoder": decoder.cross_attention != "none",
        "cross_attn_all_layers_decoder": decoder.cross_attention == "all",
        "cross_attn_k": args.patch_vectors,
        "cross_attn_nheads": args.cross_heads,
        "downsampling_by_pooling": pooling,
        "encoder_hash_byte_group_size": list(args.hashes.sizes),
        "encoder_hash_byte_group_vocab": args.hashes.buckets,
        "encoder_hash_byte_group_nb_functions": args.hashes.functions,
        "encoder_enable_byte_ngrams": bool(args.ngram_vocab_sizes),
        "ngram_vocab_sizes": {str(n): rows for n, rows in args.ngram_vocab_sizes.items()} or None,
        "encoder_ngram_to_size_str": None,
        "vocab_size": args.vocab_size,
        "eos_id": args.eos_id,
        "dropout": args.dropout,
        "weight_tying": args.weight_tying,
        "seed": args.seed,
    }
    if nested_args(flat) != args:
        raise ValueError(
            "these args cannot be written in the released layout, which has one window, one set of "
            "feed-forward settings and no 'first' or 'last' where it knows only the other"
        )
    return flat


def written_args(args: ByteLatentTransformerArgs) -> dict[str, Any]:
    """Return the settings for ``config.json``: flat if flat keys can express them, else nested."""
    try:
        return flat_args(args)
    except ValueError:
        return args.model_dump(mode="json")


BLT_KIND = CheckpointKind("ByteLatentTransformer", "model", nested_args, written_args)


def _take(flat: dict[str, Any]) -> ByteLatentTransformerArgs:
    """Remove the keys that shape the model from ``flat`` and return them as nested settings."""
    crossing = bool(flat["cross_attn_encoder"] or flat["cross_attn_decoder"])
    shared = {key: flat.pop(key) for key in (*_SHARED, *_INIT)}
    kv_heads, window = flat.pop("n_kv_heads"), flat.pop("local_attention_window_len")

    def local(name: str, cross_attention: CrossLayers) -> LocalArgs:
        return LocalArgs(
            dim=flat.pop(f"dim_{name}"),
            n_layers=flat.pop(f"n_layers_{name}"),
            n_heads=flat.pop(f"n_heads_{name}"),
            n_kv_heads=kv_heads,
            window=window,
            cross_attention=cross_attention,
            **shared,
        )

    return ByteLatentTransformerArgs(
        encoder=local("local_encoder", _cross_layers(flat, "encoder", "last")),
        decoder=local("local_decoder", _cross_layers(flat, "decoder", "first")),
        global_model=TransformerArgs(
            dim=flat.pop("dim_global"),
            n_layers=flat.pop("n_layers_global"),
            n_heads=flat.pop("n_heads_global"),
            n_kv_heads=flat.pop("n_kv_heads_global"),
            **shared,
        ),
        **_used(
            crossing,
            patch_vectors=flat.pop("cross_attn_k"),
            cross_heads=flat.pop("cross_attn_nheads"),
        ),
        pooling=_pooling(flat.pop("downsampling_by_pooling")),
        hashes=_hashes(flat),
        ngram_vocab_sizes=_ngram_sizes(flat),
        vocab_size=flat.pop("vocab_size"),
        eos_id=flat.pop("eos_id"),
        dropout=flat.pop("dropout"),
        weight_tying=flat.pop("weight_tying"),
        seed=flat.pop("seed"),
    )


def _cross_layers(flat: dict[str, Any], part: str, otherwise: CrossLayers) -> CrossLayers:
    every = flat.pop(f"cross_attn_all_layers_{part}")
    if not flat.pop(f"cross_attn_{part}"):
        return "none"
    return "all" if every else otherwise


def _used(used: bool, **settings: Any) -> dict[str, Any]:
    """Return settings without those that are null although nothing uses them."""
    return {key: value for key, value in settings.items() if used or value}


def _hashes(flat: dict[str, Any]) -> HashArgs:
    sizes = tuple(flat.pop("encoder_hash_byte_group_size") or ())
    buckets = flat.pop("encoder_hash_byte_group_vocab")
    functions = flat.pop("encoder_hash_byte_group_nb_functions")
    if functions == 0:  # without a hash function there are no tables
        sizes = ()
    return HashArgs(sizes=sizes, **_used(bool(sizes), buckets=buckets, functions=functions))


def _pooling(name: str | None) -> tuple[Any, ...]:
    if name not in _POOLINGS:
        raise ValueError(
            f"downsampling_by_pooling: {name!r} is not supported; accepted: {', '.join(_POOLINGS)}"
        )
    return _POOLINGS[name]


def _ngram_sizes(flat: dict[str, Any]) -> dict[int, int]:
    """Return the number of table rows by n-gram length, from a mapping or ``"3:1000,4:2000"``."""
    enabled, sizes = flat.pop("encoder_enable_byte_ngrams"), flat.pop("ngram_vocab_sizes")
    text = flat.pop("encoder_ngram_to_size_str")
    if not enabled:
        return {}
    if isinstance(sizes, dict):
        return {int(n): int(rows) for n, rows in sizes.items()}
    pairs = (pair.split(":") for pair in str(text or sizes).split(","))
    try:
        return {int(n): int(rows) for n, rows in pairs}
    except ValueError:
        raise ValueError(
            f"encoder_ngram_to_size_str: {text!r} is not written as 3:1000,4:2000"
        ) from None
