"""Noise on text as in the BLT paper (section 6.1); equal texts always get equal noise."""

import random
import zlib
from collections.abc import Callable

DROPPED = 0.1
"""Share of the characters that ``drop`` removes."""

REPEATED, MOST_REPEATS = 0.2, 4
"""Share of the characters that ``repeat`` repeats, and the largest number of repetitions."""


def ant_speak(text: str, rng: random.Random) -> str:
    """Convert a text to upper case, with a blank between characters: ``HOW`` becomes ``H O W``."""
    return " ".join(text.upper())


def drop(text: str, rng: random.Random) -> str:
    """Remove characters of a text at random, one in ten on average."""
    return "".join(char for char in text if rng.random() >= DROPPED)


def random_case(text: str, rng: random.Random) -> str:
    """Convert every character of a text to upper or lower case at random."""
    return "".join(char.upper() if rng.random() < 0.5 else char.lower() for char in text)


def repeat(text: str, rng: random.Random) -> str:
    """Repeat characters of a text at random, one in five on average, one to four times each."""
    return "".join(
        char * (1 + rng.randint(1, MOST_REPEATS)) if rng.random() < REPEATED else char
        for char in text
    )


def upper(text: str, rng: random.Random) -> str:
    """Convert a text to upper case."""
    return text.upper()


NOISES: dict[str, Callable[[str, random.Random], str]] = {
    "antspeak": ant_speak,
    "drop": drop,
    "random-case": random_case,
    "repeat": repeat,
    "upper": upper,
}


def noisy(data: bytes, name: str) -> bytes:
    """Return UTF-8 text with the noise ``name``, one of the keys of :data:`NOISES`."""
    rng = random.Random(zlib.crc32(name.encode() + b"\0" + data))  # noqa: S311 (no secret)
    return NOISES[name](data.decode("utf-8"), rng).encode("utf-8")
