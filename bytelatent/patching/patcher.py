"""Patcher: cuts rows of tokens into patches by a rule, its options and, for some rules, entropies.

The entropy model is passed as a function, so this module needs no torch: for numpy arrays the
function runs the exported model, for tensors :class:`bytelatent.transformer.LMTransformer`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bytelatent.patching.rules import (
    Array,
    PatchingMode,
    RuleOptions,
    lengths_from_starts,
    patch_starts,
    rule_of,
)

DEFAULT_THRESHOLD = 1.335442066192627
"""Threshold of the released checkpoints in nats."""

EntropyFunction = Callable[[Array], Array]
"""Function from tokens ``[B, S]`` to entropies ``[B, S]`` in nats, for each row independently."""


class PatcherArgs(BaseModel):
    """Settings of the patching rule, with the names of the released ``train_args.json``.

    Attributes:
        patching_mode: name of the rule. ``monotonicity`` and ``threshold_add`` change the mode
            ``entropy`` to the monotonic and to the combined rule, as in released files.
        threshold: threshold in nats. A byte starts a patch where its entropy, or under the
            monotonic rule the rise of its entropy, is above the threshold.
        threshold_add: threshold in nats of the rise of the entropy under the combined rule; null
            for other rules.
        patch_size: number of bytes of a patch under the mode ``static``; with a threshold, the
            mean number of bytes per patch that the threshold was calibrated for.
        max_patch_length: longest patch in bytes; longer patches are split. Null for no limit.
        monotonicity: whether the threshold is a threshold of the rise of the entropy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patching_mode: PatchingMode = PatchingMode.ENTROPY
    threshold: float | None = DEFAULT_THRESHOLD
    threshold_add: float | None = None
    patch_size: float = Field(default=4.5, ge=1)
    max_patch_length: int | None = Field(default=None, ge=1)
    monotonicity: bool = False

    def mode(self) -> PatchingMode:
        """Return the rule that follows from ``patching_mode`` and the other settings."""
        if self.patching_mode is not PatchingMode.ENTROPY:
            return self.patching_mode
        if self.monotonicity:
            return PatchingMode.MONOTONIC
        if self.threshold is not None and self.threshold_add is not None:
            return PatchingMode.COMBINED
        return PatchingMode.ENTROPY

    def options(self) -> RuleOptions:
        """Return the options of the rule."""
        return RuleOptions(
            threshold=self.threshold,
            threshold_add=self.threshold_add,
            patch_size=self.patch_size,
            max_patch_length=self.max_patch_length,
        )

    def build(self, entropy_model: EntropyFunction | None = None) -> "Patcher":
        """Create a patcher.

        Args:
            entropy_model: function that measures entropies; None if the caller always passes
                entropies or the rule needs none.

        Raises:
            ValueError: the rule lacks an option that it needs.
        """
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
"""Keys of released patcher settings that do not change the patches, such as devices."""


def released_patcher_args(settings: Any, path: Path) -> PatcherArgs:
    """Read the settings of the patcher from the content of a released ``train_args.json``.

    Args:
        settings: content of the file.
        path: path of the file, for messages.

    Raises:
        ValueError: the settings of the patcher are missing, unknown or impossible.
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
    """Patcher that cuts rows of tokens into patches.

    Args:
        args: settings of the rule.
        entropy_model: function that measures entropies if the caller does not pass them.

    Raises:
        ValueError: the rule lacks an option that it needs.
    """

    def __init__(self, args: PatcherArgs, entropy_model: EntropyFunction | None = None) -> None:
        self.args = args
        self.entropy_model = entropy_model
        self.rule = rule_of(args.mode(), args.options())
        self.mode = self.rule.mode

    def patch(
        self, tokens: Array, *, entropies: Array | None = None, include_next_token: bool = True
    ) -> tuple[Array, Array | None]:
        """Compute the patch lengths of every row.

        Args:
            tokens: ids ``[B, S]``.
            entropies: entropies ``[B, S]`` in nats; when None and needed, the entropy model
                measures them.
            include_next_token: whether the lengths include the next, unseen byte, as the BLT
                requires.

        Returns:
            Patch lengths ``[B, P]``, and the entropies, if there are any. Rows of lengths sum to
            ``S + 1`` (``S`` without the next token) and end with zeros.

        Raises:
            ValueError: the rule needs entropies, and there are neither entropies nor a model.
        """
        if entropies is None and self.rule.uses_entropies:
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
