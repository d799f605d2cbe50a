"""Patching rules of BLT as pure functions of token ids and entropies.

The functions accept numpy arrays and torch tensors (array API standard) and import neither library.

Legend: ``B`` rows, ``S`` tokens of a row (BOS included), ``P`` patches.

Every rule returns a mask of patch starts ``[B, S + 1]``. Position ``S`` is the next, unseen byte:
whether it starts a patch is known before it is drawn. Positions 0 (BOS) and 1 (the first byte)
always start a patch, so the first patch has one token. Entropies are in nats and shifted:
``entropies[b, i]`` belongs to the prediction of token ``i + 1``. An example with threshold 1:

    tokens      BOS  t   h   e            (S = 4)
    entropies   3.1  2.0 0.4 1.7          position i predicts token i + 1
    starts      1    1   1   0   1        "h" starts: 2.0 > 1; "e" does not: 0.4; the next byte does
    lengths     1, 1, 2, 1                they sum to S + 1

All rules but :func:`topk_starts` are incremental (BLT paper, section 2.3): the starts of a prefix
are a prefix of the starts. The result of a row does not depend on other rows.

A row may be padded with PAD in front of BOS or at its end. :func:`patch_starts` returns the same
patches of the text as without padding; PAD in front of the text belong to the first patch:

    tokens      PAD PAD BOS  t   h   e    starts  1 0 0 1 1 0 1    lengths  3, 1, 2, 1
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from array_api_compat import array_namespace, device

from bytelatent.tokenizers.constants import BPE_DELIMITER_ID, OFFSET, PAD_ID

Array = Any
"""A numpy array or a torch tensor."""


class PatchingMode(StrEnum):
    """Name of a patching rule."""

    ENTROPY = "entropy"
    MONOTONIC = "monotonic"
    COMBINED = "combined"
    SPACE = "space"
    STATIC = "static"
    BYTE = "byte"
    BPE = "bpe"


@dataclass(frozen=True)
class RuleOptions:
    """Options of the rules; :func:`check_options` checks that a rule has the options that it needs.

    Attributes:
        threshold: threshold of the entropy in nats; under the monotonic rule, of its rise.
        threshold_add: threshold in nats of the rise of the entropy under the combined rule.
        patch_size: target mean length of a patch in bytes (top-k), or the exact length (static).
        max_patch_length: longest patch in bytes; longer patches are split from the left. None for
            no limit.
        delimiter_id: token id that ends a patch under the BPE rule.
    """

    threshold: float | None = None
    threshold_add: float | None = None
    patch_size: float | None = None
    max_patch_length: int | None = None
    delimiter_id: int = BPE_DELIMITER_ID


def entropy_starts(entropies: Array, threshold: float) -> Array:
    """Return patch starts ``[B, S + 1]`` of the global-threshold rule: entropy > threshold (eq. 2).

    Args:
        entropies: entropies ``[B, S]`` in nats.
        threshold: threshold in nats.
    """
    return _with_forced_starts(entropies > threshold)


def monotonic_starts(entropies: Array, threshold: float) -> Array:
    """Return patch starts ``[B, S + 1]`` of the monotonic rule: entropy rise > threshold (eq. 3).

    Args:
        entropies: entropies ``[B, S]`` in nats.
        threshold: threshold in nats.
    """
    return _with_forced_starts(_rise(entropies) > threshold)


def combined_starts(entropies: Array, threshold: float, threshold_add: float) -> Array:
    """Return patch starts ``[B, S + 1]`` of the combined rule.

    A byte qualifies if its entropy and the rise of its entropy both exceed their thresholds. In a
    run of qualifying bytes every second byte starts a patch, beginning with the first byte of the
    run.

    Args:
        entropies: entropies ``[B, S]`` in nats.
        threshold: threshold of the entropy in nats.
        threshold_add: threshold of the rise of the entropy in nats.
    """
    qualifies = (entropies > threshold) & (_rise(entropies) > threshold_add)
    xp = array_namespace(qualifies)
    qualifies = _with_forced_starts(qualifies)[:, 1:]
    positions = _positions(qualifies) + 1
    last_break = _running_maximum(xp.where(qualifies, xp.zeros_like(positions), positions))
    starts = qualifies & ((positions - last_break) % 2 == 1)
    return xp.concat([xp.ones_like(starts[:, :1]), starts], axis=1)


def topk_starts(entropies: Array, patch_size: float, lengths: Array | None = None) -> Array:
    """Return patch starts ``[B, S + 1]`` of the top-k rule: the bytes with the highest entropies.

    Each row gets ``length // patch_size`` patches. The rule is not incremental: whether a byte
    starts a patch depends on the bytes after it. Of two equal entropies the earlier one comes
    first.

    Args:
        entropies: entropies ``[B, S]`` in nats.
        patch_size: target mean length of a patch in bytes.
        lengths: number of tokens of each row without padding, ``[B]``; ``S`` when None.
    """
    xp = array_namespace(entropies)
    rows, size = entropies.shape
    if lengths is None:
        lengths = xp.full((rows,), size, dtype=xp.int64, device=device(entropies))
    number = xp.astype(xp.astype(lengths, xp.float64) // patch_size, xp.int64) - 2
    counts = _positions(entropies)[:, 1:] < lengths[:, None]
    last = xp.full_like(entropies[:, 1:], math.inf)
    order = xp.argsort(xp.where(counts, -entropies[:, 1:], last), axis=1, stable=True)
    rank = xp.argsort(order, axis=1, stable=True)
    first = xp.ones((rows, min(1, size)), dtype=xp.bool, device=device(rank))
    return _with_forced_starts(xp.concat([first, counts & (rank < number[:, None])], axis=1))


def space_starts(tokens: Array) -> Array:
    """Return patch starts ``[B, S + 1]`` of ids ``[B, S]`` by the space rule.

    The rule is that of SpaceByte (arXiv 2404.14408): a patch ends after a space-like byte that
    follows a byte of another kind. A byte is space-like if it is neither an ASCII letter or digit
    nor a UTF-8 continuation byte, so a new patch starts at the first byte of a word. Special tokens
    end a patch too.
    """
    xp = array_namespace(tokens)
    byte = tokens - OFFSET
    letter = ((byte >= 0x41) & (byte <= 0x5A)) | ((byte >= 0x61) & (byte <= 0x7A))
    digit = (byte >= 0x30) & (byte <= 0x39)
    continuation = (byte >= 0x80) & (byte < 0xC0)
    spacelike = ~(letter | digit | continuation)
    before = xp.concat([xp.zeros_like(spacelike[:, :1]), spacelike[:, :-1]], axis=1)
    return _with_forced_starts((spacelike & ~before) | (byte < 0))


def static_starts(tokens: Array, patch_size: int) -> Array:
    """Return patch starts ``[B, S + 1]`` of ids ``[B, S]`` by the static rule (MegaByte).

    After BOS each patch has ``patch_size`` bytes.
    """
    return _with_forced_starts(_positions(tokens) % patch_size == 0)


def byte_starts(tokens: Array) -> Array:
    """Return patch starts ``[B, S + 1]`` of ids ``[B, S]``: every byte is a patch (byte rule)."""
    xp = array_namespace(tokens)
    return _with_forced_starts(xp.ones(tokens.shape, dtype=xp.bool, device=device(tokens)))


def bpe_delimiter_starts(tokens: Array, delimiter_id: int = BPE_DELIMITER_ID) -> Array:
    """Return patch starts ``[B, S + 1]`` of ids ``[B, S]`` by the BPE rule.

    A patch ends with every delimiter token, which a BPE tokenizer puts between its tokens.
    """
    return _with_forced_starts(tokens == delimiter_id)


def split_long(starts: Array, max_patch_length: int) -> Array:
    """Split long patches of a mask of starts ``[B, S]`` from the left: 10 by 4 gives 4, 4, 2."""
    xp = array_namespace(starts)
    positions = _positions(starts)
    patch_start = _running_maximum(xp.where(starts, positions, xp.zeros_like(positions)))
    return starts | ((positions - patch_start) % max_patch_length == 0)


def patch_starts(
    mode: PatchingMode | str, tokens: Array, entropies: Array | None, options: RuleOptions
) -> Array:
    """Apply the rule ``mode`` and return the mask of patch starts.

    Args:
        mode: a :class:`PatchingMode` or its name; ``entropy`` without a threshold is top-k.
        tokens: ids ``[B, S]``.
        entropies: entropies ``[B, S]`` in nats; the modes entropy, monotonic and combined need
            them.
        options: options of the rule.

    Returns:
        Boolean mask ``[B, S + 1]``; position ``S`` is the next, unseen byte.

    Raises:
        ValueError: the mode is unknown, an option of the mode is missing or out of range, or the
            entropies are missing or have another shape than the tokens.
    """
    mode = check_options(mode, options)
    if mode in ENTROPY_MODES:
        if entropies is None:
            raise ValueError(f"patching mode {mode.value!r} needs entropies")
        if tuple(entropies.shape) != tuple(tokens.shape):
            raise ValueError(
                f"entropies have shape {tuple(entropies.shape)}, tokens {tuple(tokens.shape)}; "
                "they must be equal"
            )
    padding = _leading_padding(tokens)
    if padding is not None:
        tokens, entropies = _text_first(tokens, padding), _text_first(entropies, padding)
    starts = _RULES[mode](tokens, entropies, options)
    if options.max_patch_length is not None:
        starts = split_long(starts, options.max_patch_length)
    return starts if padding is None else _behind_padding(starts, padding)


def check_options(mode: PatchingMode | str, options: RuleOptions) -> PatchingMode:
    """Check the options of the rule ``mode`` and return the rule as a :class:`PatchingMode`.

    Raises:
        ValueError: the mode is unknown, or an option is missing or out of range; the message names
            the option, its value and the accepted values.
    """
    try:
        mode = PatchingMode(mode)
    except ValueError:
        known = ", ".join(PatchingMode)
        raise ValueError(f"mode: {mode!r} is not a patching mode; known are {known}") from None
    for name in ("threshold", "threshold_add"):
        value = getattr(options, name)
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}: {value} is not a finite number of nats, 0 or more")
    if options.patch_size is not None and not (
        math.isfinite(options.patch_size) and options.patch_size >= 1
    ):
        raise ValueError(f"patch_size: {options.patch_size} is not a number of bytes, 1 or more")
    if options.max_patch_length is not None and options.max_patch_length < 1:
        raise ValueError(f"max_patch_length: {options.max_patch_length} is not 1 or more")
    _check_needed(mode, options)
    return mode


def lengths_from_starts(starts: Array) -> Array:
    """Convert a mask of patch starts ``[B, S]`` to patch lengths ``[B, P]``.

    Zeros fill rows with fewer patches at their end.

    Raises:
        ValueError: position 0 of a row does not start a patch.
    """
    xp = array_namespace(starts)
    if starts.shape[1] and not bool(xp.all(starts[:, 0])):
        raise ValueError("position 0 of every row must start a patch")
    index = xp.cumulative_sum(xp.astype(starts, xp.int64), axis=1) - 1
    patches = int(xp.max(index)) + 1 if math.prod(starts.shape) else 0
    edges = xp.arange(patches + 1, dtype=xp.int64, device=device(starts))
    # The patch index never decreases along a row, so a search finds the position of each edge.
    rows = [xp.searchsorted(index[b, :], edges) for b in range(starts.shape[0])]
    if not rows:
        return xp.zeros((0, 0), dtype=xp.int64, device=device(starts))
    positions = xp.stack(rows)
    return xp.astype(positions[:, 1:] - positions[:, :-1], xp.int64)


def starts_from_lengths(lengths: Array, length: int) -> Array:
    """Convert patch lengths ``[B, P]`` to the mask of patch starts ``[B, length]``.

    Zeros at the end of a row are not patches.

    Raises:
        ValueError: a row of lengths does not sum to ``length``, or has a hole or a negative entry.
    """
    xp = array_namespace(lengths)
    ends = xp.cumulative_sum(lengths, axis=1)
    holes = (lengths[:, 1:] > 0) & (lengths[:, :-1] == 0)
    if bool(xp.any(lengths < 0)) or bool(xp.any(holes)):
        raise ValueError("patch lengths must be positive; zeros may only fill up a row's end")
    if not bool(xp.all(xp.sum(lengths, axis=1) == length)):
        raise ValueError(f"patch lengths of every row must sum to {length}")
    columns = xp.arange(length, dtype=ends.dtype, device=device(lengths))
    if lengths.shape[0] == 0 or length == 0:
        return xp.zeros((lengths.shape[0], length), dtype=xp.bool, device=device(lengths))
    patch = xp.stack([xp.searchsorted(ends[b, :], columns, side="right") for b in range(len(ends))])
    return xp.concat([xp.ones_like(patch[:, :1]) > 0, patch[:, 1:] != patch[:, :-1]], axis=1)


def _check_needed(mode: PatchingMode, options: RuleOptions) -> None:
    needs = {
        PatchingMode.MONOTONIC: ("threshold",),
        PatchingMode.COMBINED: ("threshold", "threshold_add"),
        PatchingMode.STATIC: ("patch_size",),
    }
    for name in needs.get(mode, ()):
        if getattr(options, name) is None:
            raise ValueError(f"{name}: patching mode {mode.value!r} needs it")
    if mode is PatchingMode.ENTROPY and options.threshold is None and options.patch_size is None:
        raise ValueError("threshold: patching mode 'entropy' needs a threshold or a patch_size")
    if mode is PatchingMode.STATIC and options.patch_size != int(options.patch_size or 0):
        raise ValueError(
            f"patch_size: static patches need a whole number, got {options.patch_size}"
        )


def _entropy_or_topk(tokens: Array, entropies: Array, options: RuleOptions) -> Array:
    if options.threshold is not None:
        return entropy_starts(entropies, options.threshold)
    assert options.patch_size is not None
    return topk_starts(entropies, options.patch_size, _lengths_without_end(tokens))


ENTROPY_MODES = frozenset({PatchingMode.ENTROPY, PatchingMode.MONOTONIC, PatchingMode.COMBINED})
"""Modes that need entropies; the other modes need only the tokens."""

_RULES: dict[PatchingMode, Callable[[Array, Array, RuleOptions], Array]] = {
    PatchingMode.ENTROPY: _entropy_or_topk,
    PatchingMode.MONOTONIC: lambda _, e, o: monotonic_starts(e, o.threshold or 0.0),
    PatchingMode.COMBINED: lambda _, e, o: combined_starts(
        e, o.threshold or 0.0, o.threshold_add or 0.0
    ),
    PatchingMode.SPACE: lambda t, _, o: space_starts(t),
    PatchingMode.STATIC: lambda t, _, o: static_starts(t, int(o.patch_size or 1)),
    PatchingMode.BYTE: lambda t, _, o: byte_starts(t),
    PatchingMode.BPE: lambda t, _, o: bpe_delimiter_starts(t, o.delimiter_id),
}


def _leading_padding(tokens: Array) -> Array | None:
    """Return the number of PAD at the beginning of every row, ``[B]``; None if no row has any."""
    xp = array_namespace(tokens)
    if not bool(xp.any(tokens[:, :1] == PAD_ID)):
        return None
    seen = xp.cumulative_sum(xp.astype(tokens != PAD_ID, xp.int64), axis=1)
    return xp.sum(xp.astype(seen == 0, xp.int64), axis=1)


def _lengths_without_end(tokens: Array) -> Array:
    """Return the number of tokens of each row up to the last one that is not PAD, ``[B]``."""
    xp = array_namespace(tokens)
    ends = xp.where(tokens != PAD_ID, _positions(tokens) + 1, xp.zeros_like(tokens))
    none = xp.zeros_like(ends[:, :1])
    return xp.max(xp.concat([none, ends], axis=1), axis=1)


def _text_first(values: Array | None, padding: Array) -> Array | None:
    """Move the padding at the beginning of rows ``[B, S]`` to their end."""
    if values is None:
        return None
    xp = array_namespace(values)
    columns = (_positions(values) + padding[:, None]) % values.shape[1]
    return xp.take_along_axis(values, columns, axis=1)


def _behind_padding(starts: Array, padding: Array) -> Array:
    """Move patch starts behind the padding at the beginning, which joins the first patch."""
    xp = array_namespace(starts)
    positions = _positions(starts)
    before = xp.maximum(positions - padding[:, None], xp.zeros_like(positions))
    text = (positions > padding[:, None]) | (positions == 0)
    return xp.take_along_axis(starts, before, axis=1) & text


def _with_forced_starts(after_BS: Array) -> Array:
    """Shift a mask "token i + 1 starts a patch" to starts ``[B, S + 1]`` and force 0 and 1."""
    xp = array_namespace(after_BS)
    rows = after_BS.shape[0]
    forced = xp.ones((rows, min(2, after_BS.shape[1] + 1)), dtype=xp.bool, device=device(after_BS))
    return xp.concat([forced, after_BS[:, 1:]], axis=1)


def _rise(entropies: Array) -> Array:
    """Return the difference of each entropy to the one before; 0 for the first entropy."""
    xp = array_namespace(entropies)
    return xp.concat(
        [xp.zeros_like(entropies[:, :1]), entropies[:, 1:] - entropies[:, :-1]], axis=1
    )


def _positions(like_BS: Array) -> Array:
    """Return the column numbers, broadcast to the shape of ``like_BS``."""
    xp = array_namespace(like_BS)
    row = xp.arange(like_BS.shape[1], dtype=xp.int64, device=device(like_BS))
    return xp.zeros(like_BS.shape, dtype=xp.int64, device=device(like_BS)) + row


def _running_maximum(values_BS: Array) -> Array:
    """Return the largest value so far along each row (the array API has no such function)."""
    xp = array_namespace(values_BS)
    step, length = 1, values_BS.shape[1]
    while step < length:
        shifted = xp.maximum(values_BS[:, step:], values_BS[:, :-step])
        values_BS = xp.concat([values_BS[:, :step], shifted], axis=1)
        step *= 2
    return values_BS
