"""The patching rules: one record for each, with all that the code and the pages know of it.

Everything that lists rules, needs a number of a rule or describes one reads it here: training and
evaluation, generation, calibration, the API and the pages.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bytelatent.patching.rules.arrays import Array, lengths_without_end
from bytelatent.patching.rules.boundary_state import Step
from bytelatent.patching.rules.by_entropy import (
    combined_starts,
    combined_step,
    entropy_starts,
    entropy_step,
    monotonic_starts,
    monotonic_step,
    topk_starts,
)
from bytelatent.patching.rules.by_token import (
    bpe_delimiter_starts,
    bpe_delimiter_step,
    byte_starts,
    byte_step,
    space_starts,
    space_step,
    static_starts,
    static_step,
)
from bytelatent.tokenizers.constants import BPE_DELIMITER_ID

Need = Literal["threshold", "threshold_add", "patch_size"]
"""Name of an option that a rule may need."""


class PatchingMode(StrEnum):
    """Name of a patching rule in settings and in the API."""

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


@dataclass(frozen=True)
class Rule:
    """A patching rule.

    Attributes:
        mode: name of the rule in settings and in the API.
        starts: function of token ids ``[B, S]``, entropies ``[B, S]`` in nats and options, which
            returns the mask of patch starts ``[B, S + 1]`` of whole rows.
        stepper: function of the options that returns the rule token by token; None for a rule that
            looks at later tokens and therefore cannot generate.
        title: title of the rule on pages.
        words: sentence that says on pages where a patch starts.
        needs: options that the rule needs.
        uses_entropies: whether the rule needs entropies; other rules need only the tokens.
        compares: what the threshold is compared with: the entropy (``height``) or its rise; None
            for a rule without a threshold.
        whole_size: whether ``patch_size`` must be a whole number of bytes.
        delimited: whether the rule needs delimiters that only a tokenizer writes. Pages and the API
            cut plain text, so they do not offer such a rule.
        note: a few words beside the row of the rule in the comparison of one text; None for a rule
            that is not compared there. A compared rule does not need ``threshold_add``.
        own_name: name on pages and in links of a rule that shares its mode with another rule.
    """

    mode: PatchingMode
    starts: Callable[[Array, Array, RuleOptions], Array]
    stepper: Callable[[RuleOptions], Step] | None
    title: str
    words: str
    needs: tuple[Need, ...] = ()
    uses_entropies: bool = False
    compares: Literal["height", "rise"] | None = None
    whole_size: bool = False
    delimited: bool = False
    note: str | None = None
    own_name: str | None = None

    @property
    def name(self) -> str:
        """Name of the rule on pages and in links: that of its mode, but for top-k."""
        return self.own_name or self.mode.value

    @property
    def calibrated(self) -> bool:
        """Whether a threshold is all that the rule needs, so that calibration can find it."""
        return self.needs == ("threshold",)

    def lacks(self, options: RuleOptions) -> list[Need]:
        """Return the names of the options that the rule needs and that ``options`` lack."""
        return [name for name in self.needs if getattr(options, name) is None]


RULES = (
    Rule(
        PatchingMode.ENTROPY,
        lambda tokens, entropies, o: entropy_starts(entropies, _given(o.threshold)),
        lambda o: entropy_step(_given(o.threshold)),
        title="Entropy",
        words="A patch starts where the entropy of the next byte is above the threshold.",
        needs=("threshold",),
        uses_entropies=True,
        compares="height",
        note="a byte hard to guess",
    ),
    Rule(
        PatchingMode.ENTROPY,
        lambda tokens, entropies, o: topk_starts(
            entropies, _given(o.patch_size), lengths_without_end(tokens)
        ),
        None,
        title="Top-k",
        words="The bytes with the highest entropy start patches, as many as the wanted mean "
        "length asks for.",
        needs=("patch_size",),
        uses_entropies=True,
        own_name="topk",
    ),
    Rule(
        PatchingMode.MONOTONIC,
        lambda tokens, entropies, o: monotonic_starts(entropies, _given(o.threshold)),
        lambda o: monotonic_step(_given(o.threshold)),
        title="Monotonic",
        words="A patch starts where entropy rises by more than the threshold from one byte to the "
        "next.",
        needs=("threshold",),
        uses_entropies=True,
        compares="rise",
        note="harder than the last",
    ),
    Rule(
        PatchingMode.COMBINED,
        lambda tokens, entropies, o: combined_starts(
            entropies, _given(o.threshold), _given(o.threshold_add)
        ),
        lambda o: combined_step(_given(o.threshold), _given(o.threshold_add)),
        title="Combined",
        words="A patch starts where entropy is above the threshold and has risen by more than the "
        "second number.",
        needs=("threshold", "threshold_add"),
        uses_entropies=True,
        compares="height",
    ),
    Rule(
        PatchingMode.SPACE,
        lambda tokens, entropies, o: space_starts(tokens),
        lambda o: space_step,
        title="Space",
        words="A patch ends after each space or sign; entropy plays no part.",
        note="after spaces and signs",
    ),
    Rule(
        PatchingMode.STATIC,
        lambda tokens, entropies, o: static_starts(tokens, int(_given(o.patch_size))),
        lambda o: static_step(int(_given(o.patch_size))),
        title="Static",
        words="Every patch has the same number of bytes; entropy plays no part.",
        needs=("patch_size",),
        whole_size=True,
        note="every few bytes",
    ),
    Rule(
        PatchingMode.BYTE,
        lambda tokens, entropies, o: byte_starts(tokens),
        lambda o: byte_step,
        title="Byte",
        words="Every byte is a patch of its own, as in a plain byte model.",
    ),
    Rule(
        PatchingMode.BPE,
        lambda tokens, entropies, o: bpe_delimiter_starts(tokens, o.delimiter_id),
        lambda o: bpe_delimiter_step(o.delimiter_id),
        title="BPE",
        words="A patch ends with every delimiter, which a BPE tokenizer puts between its tokens.",
        delimited=True,
    ),
)
"""All rules, in the order in which pages list them. Of the rules of a mode, the first one whose
needs are met is applied."""

RULES_OF_TEXT = tuple(rule for rule in RULES if not rule.delimited)
"""Rules that cut plain text, which pages and the API offer."""

COMPARED_RULES = tuple(rule for rule in RULES_OF_TEXT if rule.note is not None)
"""Rules by which one text is cut for comparison."""

ENTROPY_MODES = frozenset(rule.mode for rule in RULES if rule.uses_entropies)
"""Modes that need entropies; the other modes need only the tokens."""


def rules_of(mode: PatchingMode) -> list[Rule]:
    """Return the rules of ``mode``: two for ``entropy``, of which one is top-k."""
    return [rule for rule in RULES if rule.mode is mode]


def rule_of(mode: PatchingMode | str, options: RuleOptions) -> Rule:
    """Check the options of the rule ``mode`` and return its record.

    Args:
        mode: a :class:`PatchingMode` or its name; ``entropy`` without a threshold is top-k.
        options: options of the rule.

    Raises:
        ValueError: the mode is unknown, or an option is missing or out of range; the message names
            the option, its value and the accepted values.
    """
    try:
        mode = PatchingMode(mode)
    except ValueError:
        known = ", ".join(PatchingMode)
        raise ValueError(f"mode: {mode!r} is not a patching mode; known are {known}") from None
    _check_ranges(options)
    rules = rules_of(mode)
    rule = next((rule for rule in rules if not rule.lacks(options)), None)
    if rule is None:
        lacking = rules[0].lacks(options)[0]
        first_needs = [f"a {rule.lacks(options)[0]}" for rule in rules]
        wanted = "it" if len(rules) == 1 else " or ".join(first_needs)
        raise ValueError(f"{lacking}: patching mode {mode.value!r} needs {wanted}")
    if rule.whole_size and options.patch_size != int(options.patch_size or 0):
        raise ValueError(
            f"patch_size: {mode.value} patches need a whole number, got {options.patch_size}"
        )
    return rule


def check_options(mode: PatchingMode | str, options: RuleOptions) -> PatchingMode:
    """Check the options of the rule ``mode`` and return the rule as a :class:`PatchingMode`.

    Raises:
        ValueError: as for :func:`rule_of`.
    """
    return rule_of(mode, options).mode


def _check_ranges(options: RuleOptions) -> None:
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


def _given(number: float | None) -> float:
    """Return an option that the rule needs, so that it is there."""
    assert number is not None
    return number
