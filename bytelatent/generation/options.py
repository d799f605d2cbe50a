"""Options of generation and their limits; the module does not import torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bytelatent.generation.sampling import SamplingArgs

MAX_BYTES = 256
"""Default of the largest number of bytes of a text."""

PROMPT_LIMIT = 32_768
"""Largest number of bytes of a prompt in commands and in the runtime, unless they set another.

The memory for a prompt grows with its number of patches, in the torch backend with the square
of its length. The limit also detects a wrong file or pipe.
"""

MOST_THREADS = 1024
"""Largest number of threads that commands accept; torch and onnxruntime cannot create millions."""

Speculate = int | Literal["auto"] | None
"""Number of bytes to draft; ``auto`` adapts it to how many are accepted; None drafts none."""


@dataclass(frozen=True)
class GenerationOptions:
    """Options of a run; see :meth:`.text_generator.TextGenerator.stream`.

    Attributes:
        max_bytes: largest number of tokens of a row.
        sampling: how a token is chosen.
        stop: strings before which a row ends.
        speculate: number of bytes to draft at once, ``auto``, or None.

    Raises:
        ValueError: a number is out of range or a stop string is empty.
    """

    max_bytes: int = MAX_BYTES
    sampling: SamplingArgs = field(default_factory=SamplingArgs)
    stop: Sequence[bytes] = ()
    speculate: Speculate = None

    def __post_init__(self) -> None:
        if self.max_bytes < 0:
            raise ValueError(f"max_bytes: {self.max_bytes} is not 0 or more")
        if b"" in self.stop:
            raise ValueError("stop: an empty string would stop everything")
        if self.speculate not in (None, "auto") and not _is_count(self.speculate):
            raise ValueError(
                f"speculate: {self.speculate} is not 1 or more bytes to draft, or 'auto'"
            )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 1
