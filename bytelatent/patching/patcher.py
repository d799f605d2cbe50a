"""Patches of token rows: a rule, its numbers, and (for some rules) an entropy model.

The entropy model is passed in as a function, so this module needs no torch: numpy arrays go
through the exported model, tensors through :class:`bytelatent.transformer.LMTransformer`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bytelatent.patching.rules import (
    ENTROPY_MODES,
    Array,
    PatchingMode,
    RuleOptions,
    check_options,
    lengths_from_starts,
    patch_starts,
)

DEFAULT_THRESHOLD = 1.335442066192627
"""Nats; the threshold of the released checkpoints."""

EntropyFunction = Callable[[Array], Array]
"""Tokens ``[B, S]`` to entropies ``[B, S]`` in nats, each row by itself."""


class PatcherArgs(BaseModel):
    """Settings of the patching rule; the names are those of the released ``train_args.json``.

    Attributes:
        patching_mode: the rule. ``monotonicity`` and ``threshold_add`` turn the mode ``entropy``
            into the monotonic and the combined rule, as in released files.
        threshold: in nats. A byte starts a patch where its entropy, or the rise of its entropy
            under the monotonic rule, is above it.
        threshold_add: in nats, the smallest rise under the combined rule; null for other rules.
        patch_size: bytes of a patch under the mode ``static``; with a threshold, the mean bytes
            per patch that the threshold was calibrated for.
        max_patch_length: longer patches are split; null for no limit.
        monotonicity: whether the threshold is one of the rise of the entropy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patching_mode: PatchingMode = PatchingMode.ENTROPY
    threshold: float | None = DEFAULT_THRESHOLD
    threshold_add: float | None = None
    patch_size: float = Field(default=4.5, ge=1)
    max_patch_length: int | None = Field(default=None, ge=1)
    monotonicity: bool = False

    def mode(self) -> PatchingMode:
        """The rule itself, flags taken into account."""
        if self.patching_mode is not PatchingMode.ENTROPY:
            return self.patching_mode
        if self.monotonicity:
            return PatchingMode.MONOTONIC
        if self.threshold is not None and self.threshold_add is not None:
            return PatchingMode.COMBINED
        return PatchingMode.ENTROPY

    def options(self) -> RuleOptions:
        """The numbers for the rule."""
        return RuleOptions(
            threshold=self.threshold,
            threshold_add=self.threshold_add,
            patch_size=self.patch_size,
            max_patch_length=self.max_patch_length,
        )

    def build(self, entropy_model: EntropyFunction | None = None) -> "Patcher":
        """A patcher; ``entropy_model`` may be left out when entropies are given with the tokens."""
        return Patcher(self, entropy_model)


RETIRED_PATCHER_KEYS = frozenset(
    {
        "device",
        "entropy_model_checkpoint_dir",
        "log_time",
        "patching_batch_size",
        "patching_device",
        "realtime_patching",
    }
)
"""Keys of released patcher args that say where and how fast, not what."""


def released_patcher_args(settings: Any, path: Path) -> PatcherArgs:
    """The patcher that a released ``train_args.json`` describes.

    Args:
        settings: its content.
        path: for messages.

    Raises:
        ValueError: the patcher is missing, or has an unknown or impossible setting.
    """
    try:
        patcher: dict[str, Any] = settings["data"]["patcher_args"]
        kept = {key: patcher[key] for key in patcher.keys() - RETIRED_PATCHER_KEYS}
        return PatcherArgs.model_validate(kept)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "patcher_args"
        raise ValueError(f"{path}: {place}: {first['msg']}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} lacks data.patcher_args ({error})") from None


class Patcher:
    """Cuts rows of tokens into patches.

    Args:
        args: the rule and its numbers.
        entropy_model: measures entropies when the caller does not bring them.

    Raises:
        ValueError: the rule lacks a number it needs.
    """

    def __init__(self, args: PatcherArgs, entropy_model: EntropyFunction | None = None) -> None:
        self.args = args
        self.entropy_model = entropy_model
        self.mode = check_options(args.mode(), args.options())

    def patch(
        self, tokens: Array, *, entropies: Array | None = None, include_next_token: bool = True
    ) -> tuple[Array, Array | None]:
        """Patch lengths of every row.

        Args:
            tokens: ids ``[B, S]``.
            entropies: nats ``[B, S]``; measured by the entropy model when left out and needed.
            include_next_token: count the next, unseen byte too (as the BLT model needs it).

        Returns:
            Lengths ``[B, P]``, rows summing to ``S + 1`` (``S`` without the next token) and filled
            up with zeros, and the entropies, if there are any.

        Raises:
            ValueError: entropies are needed and there is neither a value nor a model.
        """
        if entropies is None and self.mode in ENTROPY_MODES:
            if self.entropy_model is None:
                raise ValueError(
                    f"patching mode {self.mode.value!r} needs entropies: give them, "
                    "or build the patcher with an entropy model"
                )
            entropies = self.entropy_model(tokens)
        starts = patch_starts(self.mode, tokens, entropies, self.args.options())
        if not include_next_token:
            starts = starts[:, :-1]
        return lengths_from_starts(starts), entropies
