"""Where patches start: the rules of BLT as pure functions of ids and entropies.

One source serves numpy arrays and torch tensors alike (array API standard); neither is imported.

Legend: ``B`` rows, ``S`` tokens of a row (BOS included), ``P`` patches.

Every rule returns a mask of starts ``[B, S + 1]``: position ``S`` is the next, unseen byte, whose
start is decided before it is drawn. Positions 0 (BOS) and 1 (the first byte) always start a patch,
so the first patch holds one token. Entropies are in nats and shifted: ``entropies[b, i]`` belongs
to the prediction of token ``i + 1``. So with threshold 1:

    tokens      BOS  t   h   e            (S = 4)
    entropies   3.1  2.0 0.4 1.7          position i predicts token i + 1
    starts      1    1   1   0   1        "h" starts: 2.0 > 1; "e" does not: 0.4; the next one does
    lengths     1, 1, 2, 1                they sum to S + 1

All rules but :func:`topk_starts` are incremental (BLT paper, section 2.3): the starts of a prefix
are a prefix of the starts. Rows never influence each other.

A row may be filled up with PAD in front of BOS or at its end. :func:`patch_starts` gives its text
the patches that it has alone; the PAD in front of it belong to the first one:

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
    """Names of the rules."""

    ENTROPY = "entropy"
    MONOTONIC = "monotonic"
    COMBINED = "combined"
    SPACE = "space"
    STATIC = "static"
    BYTE = "byte"
    BPE = "bpe"


@dataclass(frozen=True)
class RuleOptions:
    """Numbers that the rules need; which one needs what is checked by :func:`patch_starts`.

    Attributes:
        threshold: nats; entropy (or its rise, when monotonic) above it starts a patch.
        threshold_add: nats; the rise that the combined rule asks for besides.
        patch_size: wanted mean length in bytes (top-k) or the exact one (static).
        max_patch_length: longer patches are split from the left.
        delimiter_id: token that ends a patch in BPE mode.
    """

    threshold: float | None = None
    threshold_add: float | None = None
    patch_size: float | None = None
    max_patch_length: int | None = None
    delimiter_id: int = BPE_DELIMITER_ID


def entropy_starts(entropies: Array, threshold: float) -> Array:
    """Global threshold: a byte starts a patch where its entropy exceeds ``threshold`` (eq. 2)."""
    return _with_forced_starts(entropies > threshold)


def monotonic_starts(entropies: Array, threshold: float) -> Array:
    """Approximate monotonicity: the entropy rises by more than ``threshold`` (eq. 3)."""
    return _with_forced_starts(_rise(entropies) > threshold)


def combined_starts(entropies: Array, threshold: float, threshold_add: float) -> Array:
    """Entropy over ``threshold``, risen by more than ``threshold_add``, and no start just before.

    Of a run of qualifying bytes every second one starts a patch; the run is counted from the byte
    after the last one that does not qualify.
    """
    qualifies = (entropies > threshold) & (_rise(entropies) > threshold_add)
    xp = array_namespace(qualifies)
    qualifies = _with_forced_starts(qualifies)[:, 1:]
    places = _positions(qualifies) + 1
    last_break = _running_maximum(xp.where(qualifies, xp.zeros_like(places), places))
    starts = qualifies & ((places - last_break) % 2 == 1)
    return xp.concat([xp.ones_like(starts[:, :1]), starts], axis=1)


def topk_starts(entropies: Array, patch_size: float, lengths: Array | None = None) -> Array:
    """The most surprising bytes start patches, ``length // patch_size`` patches in all.

    Not incremental: whether a byte starts a patch depends on the bytes after it. Ties go to the
    earlier byte.

    Args:
        entropies: nats ``[B, S]``.
        patch_size: wanted mean length in bytes.
        lengths: tokens of each row that count, ``[B]``; all of them when left out.
    """
    xp = array_namespace(entropies)
    rows, size = entropies.shape
    if lengths is None:
        lengths = xp.full((rows,), size, dtype=xp.int64, device=device(entropies))
    wanted = xp.astype(xp.astype(lengths, xp.float64) // patch_size, xp.int64) - 2
    counts = _positions(entropies)[:, 1:] < lengths[:, None]
    last = xp.full_like(entropies[:, 1:], math.inf)
    order = xp.argsort(xp.where(counts, -entropies[:, 1:], last), axis=1, stable=True)
    rank = xp.argsort(order, axis=1, stable=True)
    first = xp.ones((rows, min(1, size)), dtype=xp.bool, device=device(rank))
    return _with_forced_starts(xp.concat([first, counts & (rank < wanted[:, None])], axis=1))


def space_starts(tokens: Array) -> Array:
    """A patch ends after a space-like byte that follows another kind (SpaceByte, arXiv 2404.14408).

    Space-like is what is neither an ASCII letter or digit nor a UTF-8 continuation byte; so a new
    patch starts at the first byte of a word. Special tokens end a patch too.
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
    """A patch every ``patch_size`` bytes, counted from the first byte after BOS (MegaByte)."""
    return _with_forced_starts(_positions(tokens) % patch_size == 0)


def byte_starts(tokens: Array) -> Array:
    """Every byte its own patch."""
    xp = array_namespace(tokens)
    return _with_forced_starts(xp.ones(tokens.shape, dtype=xp.bool, device=device(tokens)))


def bpe_delimiter_starts(tokens: Array, delimiter_id: int = BPE_DELIMITER_ID) -> Array:
    """A patch ends with every delimiter token that a BPE tokenizer has put between its tokens."""
    return _with_forced_starts(tokens == delimiter_id)


def split_long(starts: Array, max_patch_length: int) -> Array:
    """Split patches longer than ``max_patch_length`` from the left: 10 by 4 gives 4, 4, 2."""
    xp = array_namespace(starts)
    places = _positions(starts)
    patch_start = _running_maximum(xp.where(starts, places, xp.zeros_like(places)))
    return starts | ((places - patch_start) % max_patch_length == 0)


def patch_starts(
    mode: PatchingMode | str, tokens: Array, entropies: Array | None, options: RuleOptions
) -> Array:
    """Apply the rule called ``mode``.

    Args:
        mode: a :class:`PatchingMode` or its name; ``entropy`` without a threshold is top-k.
        tokens: ids ``[B, S]``.
        entropies: nats ``[B, S]``, needed by entropy, monotonic and combined.
        options: thresholds and sizes.

    Returns:
        Boolean mask ``[B, S + 1]``.

    Raises:
        ValueError: an unknown mode, or a number that the mode needs is missing or out of range.
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
    """Check what ``mode`` needs before any work is done; return the mode.

    Raises:
        ValueError: names the field, what was given and what is accepted.
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
    """Patch lengths ``[B, P]`` of a mask of starts; shorter rows are filled up with zeros.

    Raises:
        ValueError: a row does not start with a patch.
    """
    xp = array_namespace(starts)
    if starts.shape[1] and not bool(xp.all(starts[:, 0])):
        raise ValueError("position 0 of every row must start a patch")
    index = xp.cumulative_sum(xp.astype(starts, xp.int64), axis=1) - 1
    patches = int(xp.max(index)) + 1 if math.prod(starts.shape) else 0
    edges = xp.arange(patches + 1, dtype=xp.int64, device=device(starts))
    # The patch index never falls along a row, so counting what lies below an edge gives its place.
    rows = [xp.searchsorted(index[b, :], edges) for b in range(starts.shape[0])]
    if not rows:
        return xp.zeros((0, 0), dtype=xp.int64, device=device(starts))
    places = xp.stack(rows)
    return xp.astype(places[:, 1:] - places[:, :-1], xp.int64)


def starts_from_lengths(lengths: Array, length: int) -> Array:
    """The mask ``[B, length]`` behind patch lengths ``[B, P]`` (zeros are no patches).

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
    places = xp.arange(length, dtype=ends.dtype, device=device(lengths))
    if lengths.shape[0] == 0 or length == 0:
        return xp.zeros((lengths.shape[0], length), dtype=xp.bool, device=device(lengths))
    patch = xp.stack([xp.searchsorted(ends[b, :], places, side="right") for b in range(len(ends))])
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
"""Modes that look at entropies; the others look at the tokens alone."""

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
    """How many PAD every row begins with, ``[B]``; None if no row does."""
    xp = array_namespace(tokens)
    if not bool(xp.any(tokens[:, :1] == PAD_ID)):
        return None
    seen = xp.cumulative_sum(xp.astype(tokens != PAD_ID, xp.int64), axis=1)
    return xp.sum(xp.astype(seen == 0, xp.int64), axis=1)


def _lengths_without_end(tokens: Array) -> Array:
    """Tokens of each row up to the last that is not PAD, ``[B]``."""
    xp = array_namespace(tokens)
    places = xp.where(tokens != PAD_ID, _positions(tokens) + 1, xp.zeros_like(tokens))
    none = xp.zeros_like(places[:, :1])
    return xp.max(xp.concat([none, places], axis=1), axis=1)


def _text_first(values: Array | None, padding: Array) -> Array | None:
    """Rows ``[B, S]`` with the padding in front of them moved to their end."""
    if values is None:
        return None
    xp = array_namespace(values)
    places = (_positions(values) + padding[:, None]) % values.shape[1]
    return xp.take_along_axis(values, places, axis=1)


def _behind_padding(starts: Array, padding: Array) -> Array:
    """Starts of texts moved behind the padding in front of them, which joins their first patch."""
    xp = array_namespace(starts)
    places = _positions(starts)
    before = xp.maximum(places - padding[:, None], xp.zeros_like(places))
    text = (places > padding[:, None]) | (places == 0)
    return xp.take_along_axis(starts, before, axis=1) & text


def _with_forced_starts(after_BS: Array) -> Array:
    """Shift "the token after position i starts" into starts ``[B, S + 1]``; force 0 and 1."""
    xp = array_namespace(after_BS)
    rows = after_BS.shape[0]
    forced = xp.ones((rows, min(2, after_BS.shape[1] + 1)), dtype=xp.bool, device=device(after_BS))
    return xp.concat([forced, after_BS[:, 1:]], axis=1)


def _rise(entropies: Array) -> Array:
    """Entropy minus the one before; the first has none before it and does not count."""
    xp = array_namespace(entropies)
    return xp.concat(
        [xp.zeros_like(entropies[:, :1]), entropies[:, 1:] - entropies[:, :-1]], axis=1
    )


def _positions(like_BS: Array) -> Array:
    """Column numbers, broadcast to the shape of ``like_BS``."""
    xp = array_namespace(like_BS)
    row = xp.arange(like_BS.shape[1], dtype=xp.int64, device=device(like_BS))
    return xp.zeros(like_BS.shape, dtype=xp.int64, device=device(like_BS)) + row


def _running_maximum(values_BS: Array) -> Array:
    """Largest value so far along each row, by doubling: the standard has no cumulative maximum."""
    xp = array_namespace(values_BS)
    step, length = 1, values_BS.shape[1]
    while step < length:
        shifted = xp.maximum(values_BS[:, step:], values_BS[:, :-step])
        values_BS = xp.concat([values_BS[:, :step], shifted], axis=1)
        step *= 2
    return values_BS
