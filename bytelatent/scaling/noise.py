"""Noise on text, as the BLT paper has it (section 6.1): the same noise for the same text."""

import random
import zlib
from collections.abc import Callable

DROPPED = 0.1
"""Share of the characters that ``drop`` removes."""

REPEATED, MOST_REPEATS = 0.2, 4
"""Share of the characters that ``repeat`` repeats, and how often at most."""


def ant_speak(text: str, rng: random.Random) -> str:
    """Upper case, characters apart: ``HOW MUCH`` becomes ``H O W   M U C H``."""
    return " ".join(text.upper())


def drop(text: str, rng: random.Random) -> str:
    """One character in ten is gone."""
    return "".join(char for char in text if rng.random() >= DROPPED)


def random_case(text: str, rng: random.Random) -> str:
    """Every character in upper or lower case, by chance."""
    return "".join(char.upper() if rng.random() < 0.5 else char.lower() for char in text)


def repeat(text: str, rng: random.Random) -> str:
    """One character in five comes once to four times more."""
    return "".join(
        char * (1 + rng.randint(1, MOST_REPEATS)) if rng.random() < REPEATED else char
        for char in text
    )


def upper(text: str, rng: random.Random) -> str:
    """Upper case."""
    return text.upper()


NOISES: dict[str, Callable[[str, random.Random], str]] = {
    "antspeak": ant_speak,
    "drop": drop,
    "random-case": random_case,
    "repeat": repeat,
    "upper": upper,
}


def noisy(data: bytes, name: str) -> bytes:
    """UTF-8 text with the noise called ``name`` on it."""
    rng = random.Random(zlib.crc32(name.encode() + b"\0" + data))  # noqa: S311 (no secret)
    return NOISES[name](data.decode("utf-8"), rng).encode("utf-8")
