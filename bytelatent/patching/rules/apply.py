"""Applying a patching rule to whole rows, which may be padded.

Legend: ``B`` rows, ``S`` tokens of a row (BOS included).
"""

from array_api_compat import array_namespace

from bytelatent.patching.rules.arrays import Array, positions, running_maximum
from bytelatent.patching.rules.rule_records import PatchingMode, RuleOptions, rule_of
from bytelatent.tokenizers.constants import PAD_ID


def split_long(starts: Array, max_patch_length: int) -> Array:
    """Split long patches of a mask of starts ``[B, S]`` from the left: 10 by 4 gives 4, 4, 2."""
    xp = array_namespace(starts)
    indices = positions(starts)
    patch_start = running_maximum(xp.where(starts, indices, xp.zeros_like(indices)))
    return starts | ((indices - patch_start) % max_patch_length == 0)


def patch_starts(
    mode: PatchingMode | str, tokens: Array, entropies: Array | None, options: RuleOptions
) -> Array:
    """Apply the rule ``mode`` and return the mask of patch starts.

    Args:
        mode: a :class:`PatchingMode` or its name; ``entropy`` without a threshold is top-k.
        tokens: ids ``[B, S]``.
        entropies: entropies ``[B, S]`` in nats; the modes of :data:`ENTROPY_MODES` need them.
        options: options of the rule.

    Returns:
        Boolean mask ``[B, S + 1]``; position ``S`` is the next, unseen byte.

    Raises:
        ValueError: the mode is unknown, an option of the mode is missing or out of range, or the
            entropies are missing or have another shape than the tokens.
    """
    rule = rule_of(mode, options)
    if rule.uses_entropies:
        if entropies is None:
            raise ValueError(f"patching mode {rule.mode.value!r} needs entropies")
        if tuple(entropies.shape) != tuple(tokens.shape):
            raise ValueError(
                f"entropies have shape {tuple(entropies.shape)}, tokens {tuple(tokens.shape)}; "
                "they must be equal"
            )
    padding = _leading_padding(tokens)
    if padding is not None:
        tokens, entropies = _text_first(tokens, padding), _text_first(entropies, padding)
    starts = rule.starts(tokens, entropies, options)
    if options.max_patch_length is not None:
        starts = split_long(starts, options.max_patch_length)
    return starts if padding is None else _behind_padding(starts, padding)


def _leading_padding(tokens: Array) -> Array | None:
    """Return the number of PAD at the beginning of every row, ``[B]``; None if no row has any."""
    xp = array_namespace(tokens)
    if not bool(xp.any(tokens[:, :1] == PAD_ID)):
        return None
    seen = xp.cumulative_sum(xp.astype(tokens != PAD_ID, xp.int64), axis=1)
    return xp.sum(xp.astype(seen == 0, xp.int64), axis=1)


def _text_first(values: Array | None, padding: Array) -> Array | None:
    """Move the padding at the beginning of rows ``[B, S]`` to their end."""
    if values is None:
        return None
    xp = array_namespace(values)
    columns = (positions(values) + padding[:, None]) % values.shape[1]
    return xp.take_along_axis(values, columns, axis=1)


def _behind_padding(starts: Array, padding: Array) -> Array:
    """Move patch starts behind the padding at the beginning, which joins the first patch."""
    xp = array_namespace(starts)
    indices = positions(starts)
    before = xp.maximum(indices - padding[:, None], xp.zeros_like(indices))
    text = (indices > padding[:, None]) | (indices == 0)
    return xp.take_along_axis(starts, before, axis=1) & text
