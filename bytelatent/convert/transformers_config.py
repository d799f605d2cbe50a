"""Conversion between ``config.json`` of ``transformers.BltForCausalLM`` and our settings.

The classes of this module have the keys that shape the model, with the defaults of ``transformers``
(files of its version 4 leave them out). The files have many more keys, which differ between
versions and do not change the result, so these classes ignore unknown keys. No other class of the
package does.

The format differs from the released layout in these points:

- cross-attention has as many heads as the local models, encoder and decoder have the same number,
  and their attention has no grouped heads;
- both local models have one window; the entropy model has its own window;
- attention crosses the end of a document: texts with an EOS inside get other logits;
- hidden widths of feed-forward layers are plain numbers; here they follow from a rule;
- the output layer of the entropy model never shares the weights of the embedding.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bytelatent.architecture.args import HashArgs, LMTransformerArgs, TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs
from bytelatent.tokenizers.constants import BOS_ID, EOS_ID, PAD_ID, VOCAB_SIZE


class _Keys(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Rope(_Keys):
    """Settings of the rotary embeddings in a config of ``transformers``."""

    rope_theta: float
    rope_type: Literal["default"] = "default"


class StackConfig(_Keys):
    """Settings of a stack of transformer blocks in a config of ``transformers``."""

    model_type: str
    hidden_size: int = Field(ge=1)
    intermediate_size: int | None = Field(default=None, ge=1)
    num_hidden_layers: int
    num_attention_heads: int = Field(ge=1)
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    rms_norm_eps: float = 1e-5
    hidden_act: Literal["silu"] = "silu"
    rope_theta: float = 500000.0
    rope_parameters: Rope | None = None

    @property
    def theta(self) -> float:
        """Base of the rotary angles, from ``rope_parameters`` or, in version 4, ``rope_theta``."""
        return self.rope_parameters.rope_theta if self.rope_parameters else self.rope_theta

    @property
    def hidden(self) -> int:
        """Hidden width of the feed-forward layers."""
        return self.intermediate_size or int(8 * self.hidden_size / 3)


class PatcherStack(StackConfig):
    """Settings of the entropy model in a config of ``transformers``."""

    model_type: str = "blt_patcher"
    hidden_size: int = 768
    intermediate_size: int | None = 2048
    num_hidden_layers: int = 14
    num_attention_heads: int = 12
    rope_theta: float = 10000.0
    vocab_size: int = VOCAB_SIZE
    sliding_window: int | None = 512
    max_position_embeddings: int = 8192


class EncoderStack(StackConfig):
    """Settings of the local encoder in a config of ``transformers``."""

    model_type: str = "blt_local_encoder"
    hidden_size: int = 1024
    num_hidden_layers: int = 1
    num_attention_heads: int = 16
    vocab_size: int = VOCAB_SIZE
    hidden_size_global: int = 2048
    cross_attn_all_layers: bool = False
    cross_attn_k: int = 2
    dropout: float = 0.0


class DecoderStack(EncoderStack):
    """Settings of the local decoder in a config of ``transformers``."""

    model_type: str = "blt_local_decoder"
    intermediate_size: int | None = 2816
    num_hidden_layers: int = 9
    cross_attn_all_layers: bool = True


class GlobalStack(StackConfig):
    """Settings of the global transformer in a config of ``transformers``."""

    model_type: str = "blt_global_transformer"
    hidden_size: int = 2048
    intermediate_size: int | None = 5632
    num_hidden_layers: int = 25
    num_attention_heads: int = 16


class TransformersConfig(_Keys):
    """Content of ``config.json`` of ``transformers``.

    ``use_cache`` is false because the forward pass of BLT in ``transformers`` 5.23 fails with a
    cache.
    """

    model_type: Literal["blt"]
    architectures: list[str] | None = ["BltForCausalLM"]
    patch_in_forward: Literal[True] = True
    patching_mode: Literal["entropy"] = "entropy"
    patching_threshold: float = 1.335442066192627
    max_patch_length: int | None = None
    vocab_size: int = VOCAB_SIZE
    bos_token_id: int | None = BOS_ID
    eos_token_id: int | None = EOS_ID
    pad_token_id: int | None = PAD_ID
    local_attention_window_len: int = 512
    cross_attn_k: int = 2
    encoder_hash_byte_group_size: list[int] = [3, 4, 5, 6, 7, 8]
    encoder_hash_byte_group_vocab: int = 500002
    encoder_hash_byte_group_nb_functions: int = 1
    patcher_config: PatcherStack = PatcherStack()
    encoder_config: EncoderStack = EncoderStack()
    decoder_config: DecoderStack = DecoderStack()
    global_config: GlobalStack = GlobalStack()
    tie_word_embeddings: bool = False
    use_cache: bool = False


def blt_args(config: TransformersConfig) -> ByteLatentTransformerArgs:
    """Convert a config of ``transformers`` to the settings of the BLT, without the entropy model.

    :func:`bytelatent.convert.transformers_limits.check_agreement` checks beforehand that no two
    keys contradict each other.

    Raises:
        ValueError: the keys describe a model that is not implemented.
    """
    encoder, decoder, wide = config.encoder_config, config.decoder_config, config.global_config
    stacks = (encoder, decoder, wide)
    shapes = [(stack.hidden_size, stack.hidden) for stack in stacks]
    shared = feed_forward_rule(shapes)
    rules = [shared or feed_forward_rule([shape]) or {} for shape in shapes]
    window = config.local_attention_window_len
    return ByteLatentTransformerArgs(
        encoder=LocalArgs(
            **_shape(encoder, rules[0]),
            window=window,
            cross_attention="all" if encoder.cross_attn_all_layers else "last",
        ),
        decoder=LocalArgs(
            **_shape(decoder, rules[1]),
            window=window,
            cross_attention="all" if decoder.cross_attn_all_layers else "first",
        ),
        global_model=TransformerArgs(**_shape(wide, rules[2])),
        patch_vectors=config.cross_attn_k,
        cross_heads=decoder.num_attention_heads,
        hashes=HashArgs(
            sizes=tuple(config.encoder_hash_byte_group_size),
            buckets=config.encoder_hash_byte_group_vocab,
            functions=config.encoder_hash_byte_group_nb_functions,
        ),
        vocab_size=config.vocab_size,
        eos_id=_eos_id(config),
        dropout=encoder.dropout,
        weight_tying=config.tie_word_embeddings,
    )


def entropy_args(config: TransformersConfig) -> LMTransformerArgs:
    """Convert a config of ``transformers`` to the settings of the entropy model.

    Raises:
        ValueError: the shape is impossible.
    """
    stack = config.patcher_config
    rule = feed_forward_rule([(stack.hidden_size, stack.hidden)]) or {}
    windowed = stack.sliding_window is not None
    return LMTransformerArgs(
        **_shape(stack, rule),
        vocab_size=stack.vocab_size,
        max_seqlen=stack.max_position_embeddings,
        sliding_window=stack.sliding_window,
        attn_bias_type="local_block_causal" if windowed else "block_causal",
        eos_id=_eos_id(config),
    )


def describe(
    blt: ByteLatentTransformerArgs,
    entropy: LMTransformerArgs,
    threshold: float,
    max_patch_length: int | None,
) -> TransformersConfig:
    """Convert settings to a config of ``transformers``.

    :func:`blt_args` and :func:`entropy_args` are the inverse. The config has no keys for
    initialisation, seeds and the feed-forward rule. Before that,
    :func:`bytelatent.convert.transformers_limits.check_expressible` refuses all other settings
    without a key.

    Args:
        blt: settings of the BLT.
        entropy: settings of the entropy model.
        threshold: threshold of the patcher in nats.
        max_patch_length: longest patch in bytes; None for no limit.
    """
    local: dict[str, Any] = {
        "vocab_size": blt.vocab_size,
        "hidden_size_global": blt.global_model.dim,
        "cross_attn_k": blt.patch_vectors,
        "dropout": blt.dropout,
    }
    return TransformersConfig(
        model_type="blt",
        patching_threshold=threshold,
        max_patch_length=max_patch_length,
        vocab_size=blt.vocab_size,
        eos_token_id=blt.eos_id,
        local_attention_window_len=blt.encoder.window,
        cross_attn_k=blt.patch_vectors,
        encoder_hash_byte_group_size=list(blt.hashes.sizes),
        encoder_hash_byte_group_vocab=blt.hashes.buckets,
        encoder_hash_byte_group_nb_functions=blt.hashes.functions,
        tie_word_embeddings=blt.weight_tying,
        patcher_config=PatcherStack(
            **_stack(entropy),
            vocab_size=entropy.vocab_size,
            sliding_window=entropy.window,
            max_position_embeddings=entropy.max_seqlen,
        ),
        encoder_config=EncoderStack(
            **_stack(blt.encoder), **local, cross_attn_all_layers=_all_layers(blt.encoder)
        ),
        decoder_config=DecoderStack(
            **_stack(blt.decoder), **local, cross_attn_all_layers=_all_layers(blt.decoder)
        ),
        global_config=GlobalStack(**_stack(blt.global_model)),
    )


def feed_forward_rule(shapes: list[tuple[int, int]]) -> dict[str, Any] | None:
    """Find settings of :meth:`TransformerArgs.ffn_hidden_dim` that give all hidden widths.

    The released layout has one rule for the whole model. The function first tries the largest
    rounding (256 and smaller powers of two) without a multiplier, then with a multiplier.

    Args:
        shapes: pairs of ``dim`` and hidden width.

    Returns:
        ``multiple_of`` and ``ffn_dim_multiplier``, or None if no rule gives all widths; for a
        single shape there is always a rule.
    """
    spans = {}
    for multiple in (256, 128, 64, 32, 16, 8, 4, 2, 1):
        if any(hidden % multiple for _, hidden in shapes):
            continue
        low = max((hidden - multiple + 1) / int(8 * dim / 3) for dim, hidden in shapes)
        high = min((hidden + 1) / int(8 * dim / 3) for dim, hidden in shapes)
        if low <= 1 < high:
            return {"multiple_of": multiple, "ffn_dim_multiplier": None}
        if low < high:
            spans[multiple] = (low, high)
    for multiple, (low, high) in spans.items():
        middle = (low + high) / 2
        tidy = (round(middle, digits) for digits in range(1, 16))
        factor = next((number for number in tidy if low < number < high), middle)
        return {"multiple_of": multiple, "ffn_dim_multiplier": factor}
    return None


def _stack(args: TransformerArgs) -> dict[str, Any]:
    return {
        "hidden_size": args.dim,
        "intermediate_size": args.ffn_hidden_dim(),
        "num_hidden_layers": args.n_layers,
        "num_attention_heads": args.n_heads,
        "num_key_value_heads": args.kv_heads,
        "head_dim": args.head_width,
        "rms_norm_eps": args.norm_eps,
        "rope_theta": args.rope_theta,
        "rope_parameters": Rope(rope_theta=args.rope_theta),
    }


def _shape(stack: StackConfig, rule: dict[str, Any]) -> dict[str, Any]:
    kv_heads = stack.num_key_value_heads
    return {
        "dim": stack.hidden_size,
        "n_layers": stack.num_hidden_layers,
        "n_heads": stack.num_attention_heads,
        "n_kv_heads": None if kv_heads == stack.num_attention_heads else kv_heads,
        "norm_eps": stack.rms_norm_eps,
        "rope_theta": stack.theta,
        **rule,
    }


def _all_layers(args: LocalArgs) -> bool:
    return args.cross_attention == "all"


def _eos_id(config: TransformersConfig) -> int:
    return EOS_ID if config.eos_token_id is None else config.eos_token_id
