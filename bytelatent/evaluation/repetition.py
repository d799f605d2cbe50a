"""Text quality: the share of repeated windows and the share of real words in generated text."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bytelatent.data.held_out import cut_pieces
from bytelatent.evaluation.continuations import continuations
from bytelatent.files import os_errors_as_value_error
from bytelatent.generation.options import GenerationOptions
from bytelatent.generation.sampling import SamplingArgs
from bytelatent.loading import TextModel

PACKAGE = Path(__file__).parents[1]
PROMPTS = PACKAGE / "templates" / "prompts.txt"
PROSE = tuple(PACKAGE / "plotting" / "samples" / name for name in ("persuasion.txt", "sotu.txt"))
"""Excerpts of *Persuasion* and of State of the Union addresses since 2016, which the training text
of the shipped models leaves out."""

BYTES, WINDOW = 256, 16
TEMPERATURE, SEED = 0.7, 1

MOST_REPEATED, LEAST_WORDS = 1 / 3, 0.9
"""Aims for a model: largest share of repeated windows, and smallest share of real words."""

LIST_PACKAGE = "pyspellchecker"
NO_LIST = "the list of words is not installed (pip install 'bytelatent[quality]')"

ONE_LETTER = {"a", "i", "o"}
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
ENDINGS = {"s", "t", "d", "ll", "m", "re", "ve"}
"""Endings of English words after an apostrophe."""

IsWord = Callable[[str], bool]


@dataclass(frozen=True)
class TextQualityOptions:
    """Settings of a measurement of text quality.

    Attributes:
        prompts: texts that the model continues.
        bytes: length of each continuation in bytes, unless the model ends the document earlier.
        temperature: temperature of the sampled continuations.
        seed: seed of the sampled continuations.
    """

    prompts: tuple[str, ...]
    bytes: int = BYTES
    temperature: float = TEMPERATURE
    seed: int = SEED


def repeated(data: bytes, window: int = WINDOW) -> float:
    """Return the share of windows of ``window`` bytes in ``data`` that occur more than once.

    The share is 0 for a text with fewer than two windows.
    """
    windows = Counter(data[place : place + window] for place in range(len(data) - window + 1))
    if windows.total() < 2:
        return 0.0
    return sum(count for count in windows.values() if count > 1) / windows.total()


def words_of(text: str, start: int = 0, *, whole: bool = True) -> list[str]:
    """Return the words of ``text`` that end after index ``start``, in lower case.

    Args:
        text: the text.
        start: index where a continuation begins; a word that crosses this index belongs to it.
        whole: whether the text is complete; if not, a word at its very end may be cut and is left
            out.
    """
    text = text.replace("’", "'")
    return [
        match.group().lower()
        for match in WORD.finditer(text)
        if match.end() > start and (whole or match.end() < len(text))
    ]


def read_word_list() -> IsWord:
    """Return a function that tells whether a word is in the English list of ``pyspellchecker``.

    Raises:
        ValueError: the package is not installed.
    """
    try:
        known = import_module("spellchecker").SpellChecker(language="en").word_frequency.dictionary
    except ModuleNotFoundError:
        raise ValueError(NO_LIST) from None

    def is_word(word: str) -> bool:
        if len(word) == 1:
            return word in ONE_LETTER
        if word in known:
            return True
        first, *rest = word.split("'")
        return bool(rest) and first in known and ENDINGS.issuperset(rest)

    return is_word


def measure(
    text_model: TextModel, options: TextQualityOptions, is_word: IsWord | None = None
) -> dict[str, Any]:
    """Generate texts and measure the shares of repeated windows and of real words in them.

    Args:
        text_model: a byte model or a BLT.
        options: settings of the measurement.
        is_word: function that tells whether a string is a word; None skips the share of words.

    Raises:
        ValueError: the model or its patcher cannot generate text.
    """
    prompts = [prompt.encode() for prompt in options.prompts]
    sampling = SamplingArgs(temperature=options.temperature, seed=options.seed)
    likeliest, drawn = (
        continuations(text_model, prompts, [GenerationOptions(options.bytes, how)] * len(prompts))
        for how in (SamplingArgs(), sampling)
    )
    result: dict[str, Any] = {
        "prompts": len(prompts),
        "bytes": options.bytes,
        "window": WINDOW,
        "temperature": options.temperature,
        "seed": options.seed,
        "greedy": _repeats(likeliest),
        "sampled": _repeats(drawn),
        "examples": [
            {"prompt": prompt, "greedy": _readable(first), "sampled": _readable(second)}
            for prompt, first, second in zip(options.prompts, likeliest, drawn, strict=True)
        ],
        "prose": baseline(options.bytes, is_word),
    }
    if is_word is not None:
        words = [
            word
            for prompt, data in zip(options.prompts, drawn, strict=True)
            for word in words_of(
                prompt + _readable(data), len(prompt), whole=len(data) < options.bytes
            )
        ]
        result["sampled"] |= _share_of_words(words, is_word)
        result["word_list"] = f"{LIST_PACKAGE} {version(LIST_PACKAGE)}, English"
    return result


def baseline(size: int = BYTES, is_word: IsWord | None = None) -> dict[str, Any]:
    """Measure the same shares on real prose, :data:`PROSE`, in pieces of ``size`` bytes."""
    texts = [path.read_bytes() for path in PROSE]
    result = _repeats([piece for text in texts for piece in cut_pieces(text, size)])
    if is_word is not None:
        words = [word for text in texts for word in words_of(text.decode())]
        result |= _share_of_words(words, is_word)
    return result


def _repeats(texts: Sequence[bytes]) -> dict[str, Any]:
    shares = [repeated(text) for text in texts]
    return {
        "texts": len(texts),
        "bytes": sum(map(len, texts)),
        "repeated_mean": sum(shares) / len(shares),
        "repeated_worst": max(shares),
    }


def _share_of_words(words: Sequence[str], is_word: IsWord) -> dict[str, Any]:
    """Return the number of words and the share of real words; the share is None without words."""
    known = sum(map(is_word, words))
    return {"words": len(words), "share_of_words": known / len(words) if words else None}


def _readable(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def lines(result: dict[str, Any]) -> list[str]:
    """Format a result of :func:`measure` as lines for a terminal."""
    rows = [f"{'':28}{'repeated, mean':>16}{'worst':>8}{'words':>8}{'of them words':>16}"]
    titles = {
        "greedy": "the likeliest bytes",
        "sampled": f"drawn at temperature {result['temperature']}",
        "prose": "real prose",
    }
    for part, title in titles.items():
        row, words = result[part], result[part].get("share_of_words")
        counts = f"{row['words']:>8,}" if "words" in row else f"{'-':>8}"
        share = f"{'-':>16}" if words is None else f"{words:>16.1%}"
        rows.append(
            f"{title:28}{row['repeated_mean']:>16.1%}{row['repeated_worst']:>8.1%}{counts}{share}"
        )
    return [*rows, *_verdicts(result)]


def _verdicts(result: dict[str, Any]) -> list[str]:
    """Say in one line per aim whether the model reaches it."""
    worst, words = result["greedy"]["repeated_worst"], result["sampled"].get("share_of_words")
    verdicts = [("repeated, worst", f"at most {MOST_REPEATED:.1%}", worst <= MOST_REPEATED)]
    if words is not None:
        verdicts.append(("words", f"at least {LEAST_WORDS:.1%}", words >= LEAST_WORDS))
    return [f"{name}: {aim}: {'yes' if good else 'no'}" for name, aim, good in verdicts]


def read_prompts(path: Path = PROMPTS) -> tuple[str, ...]:
    """Read the prompts in a file, one per line.

    Raises:
        ValueError: the file is missing, is not UTF-8, or contains only empty lines.
    """
    try:
        with os_errors_as_value_error(path, "read"):
            prompts = tuple(line for line in path.read_text("utf-8").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text: {error.reason}") from None
    if not prompts:
        raise ValueError(f"{path} has no line to continue")
    return prompts
