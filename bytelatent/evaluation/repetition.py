"""Text quality: how much of what a model writes repeats itself, and how many words are words."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from bytelatent.data.documents import tokenize
from bytelatent.data.held_out import cut_pieces
from bytelatent.files import os_errors_as_value_error
from bytelatent.generation.sampling import Sampler, SamplingArgs, streams_of
from bytelatent.generation.torch_backend.engine import Engine
from bytelatent.loading import TextModel
from bytelatent.model.blt import ByteLatentTransformer
from bytelatent.tokenizers.constants import OFFSET
from bytelatent.transformer import LMTransformer

PACKAGE = Path(__file__).parents[1]
PROMPTS = PACKAGE / "templates" / "prompts.txt"
PROSE = tuple(PACKAGE / "plotting" / "samples" / name for name in ("persuasion.txt", "sotu.txt"))
"""Excerpts of *Persuasion* and of State of the Union addresses since 2016, which the training text
of the shipped models leaves out."""

BYTES, WINDOW = 256, 16
TEMPERATURE, SEED = 0.7, 1

MOST_REPEATED, LEAST_WORDS = 1 / 3, 0.9
"""What a model should reach: shares of the windows and of the words."""

LIST_PACKAGE = "pyspellchecker"
NO_LIST = "the list of words is not installed (pip install 'bytelatent[quality]')"

ONE_LETTER = {"a", "i", "o"}
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
ENDINGS = {"s", "t", "d", "ll", "m", "re", "ve"}
"""What may follow an apostrophe."""

IsWord = Callable[[str], bool]


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes:
        prompts: what the model continues.
        bytes: of each continuation, unless the model ends the document before.
        temperature: of those that are drawn.
        seed: of the draws.
    """

    prompts: tuple[str, ...]
    bytes: int = BYTES
    temperature: float = TEMPERATURE
    seed: int = SEED


def repeated(data: bytes, window: int = WINDOW) -> float:
    """Share of the places of ``data`` whose ``window`` bytes stand elsewhere in it too.

    0 for a text of fewer than two such places.
    """
    windows = Counter(data[place : place + window] for place in range(len(data) - window + 1))
    if windows.total() < 2:
        return 0.0
    return sum(count for count in windows.values() if count > 1) / windows.total()


def words_of(text: str, start: int = 0, *, whole: bool = True) -> list[str]:
    """The words of ``text`` that end after place ``start``, in small letters.

    Args:
        text: any.
        start: where a continuation begins. A word that goes on from before it is one of them.
        whole: whether the text has come to its end; else a word that it ends with is cut, and left
            out.
    """
    text = text.replace("’", "'")
    return [
        found.group().lower()
        for found in WORD.finditer(text)
        if found.end() > start and (whole or found.end() < len(text))
    ]


def read_word_list() -> IsWord:
    """Whether something is an English word, by the list of the package ``pyspellchecker``.

    Raises:
        ValueError: it is not installed.
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


def continuations(
    text_model: TextModel, prompts: Sequence[bytes], size: int, sampling: SamplingArgs
) -> list[bytes]:
    """``size`` bytes after each prompt; fewer where the model ends the document.

    Raises:
        ValueError: the model or its patcher cannot generate.
    """
    model = text_model.model
    if isinstance(model, ByteLatentTransformer):
        assert text_model.patcher is not None
        engine = Engine(model, text_model.entropy_model, text_model.patcher.args)
        texts = engine.generate(prompts, max_bytes=size, sampling=sampling)
        return [text.data for text in texts]
    streams = streams_of(prompts)
    return [
        bytes(_bytes_after(model, prompt, size, Sampler(sampling, 1, streams=[stream])))
        for prompt, stream in zip(prompts, streams, strict=True)
    ]


@torch.inference_mode()
def _bytes_after(model: LMTransformer, prompt: bytes, size: int, sampler: Sampler) -> Iterator[int]:
    """What a byte model writes, byte by byte."""
    device = next(model.parameters()).device
    tokens_1S = torch.as_tensor(tokenize(prompt)[:-1], dtype=torch.long, device=device)[None]
    state = None if model.args.window is None else model.initial_state(1)
    for _ in range(size):
        if state is None:
            logits_1SV = model(tokens_1S)
        else:
            logits_1SV, state = model.forward_chunk(tokens_1S, state)
        (token,) = sampler.sample(logits_1SV[:, -1].float().cpu(), [0])
        sampler.accept(0, token)
        if token < OFFSET:
            return
        yield token - OFFSET
        next_11 = torch.tensor([[token]], device=device)
        tokens_1S = torch.cat([tokens_1S, next_11], dim=1) if state is None else next_11


def measure(
    text_model: TextModel, options: Options, is_word: IsWord | None = None
) -> dict[str, Any]:
    """What a model writes, and how much of it repeats and is made of words.

    Args:
        text_model: of either kind.
        options: how.
        is_word: tells words from others; None leaves them out.

    Raises:
        ValueError: the model or its patcher cannot generate.
    """
    prompts = [prompt.encode() for prompt in options.prompts]
    sampling = SamplingArgs(temperature=options.temperature, seed=options.seed)
    likeliest = continuations(text_model, prompts, options.bytes, SamplingArgs())
    drawn = continuations(text_model, prompts, options.bytes, sampling)
    found: dict[str, Any] = {
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
        found["sampled"] |= _share_of_words(words, is_word)
        found["word_list"] = f"{LIST_PACKAGE} {version(LIST_PACKAGE)}, English"
    return found


def baseline(size: int = BYTES, is_word: IsWord | None = None) -> dict[str, Any]:
    """The same numbers of real prose, :data:`PROSE`, in pieces of ``size`` bytes."""
    texts = [path.read_bytes() for path in PROSE]
    found = _repeats([piece for text in texts for piece in cut_pieces(text, size)])
    if is_word is not None:
        words = [word for text in texts for word in words_of(text.decode())]
        found |= _share_of_words(words, is_word)
    return found


def _repeats(texts: Sequence[bytes]) -> dict[str, Any]:
    shares = [repeated(text) for text in texts]
    return {
        "texts": len(texts),
        "bytes": sum(map(len, texts)),
        "repeated_mean": sum(shares) / len(shares),
        "repeated_worst": max(shares),
    }


def _share_of_words(words: Sequence[str], is_word: IsWord) -> dict[str, Any]:
    """No share of no words."""
    known = sum(map(is_word, words))
    return {"words": len(words), "share_of_words": known / len(words) if words else None}


def _readable(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def lines(found: dict[str, Any]) -> list[str]:
    """The result for a terminal."""
    rows = [f"{'':28}{'repeated, mean':>16}{'worst':>8}{'words':>8}{'of them words':>16}"]
    titles = {
        "greedy": "the likeliest bytes",
        "sampled": f"drawn at temperature {found['temperature']}",
        "prose": "real prose",
    }
    for part, title in titles.items():
        one, words = found[part], found[part].get("share_of_words")
        counts = f"{one['words']:>8,}" if "words" in one else f"{'-':>8}"
        share = f"{'-':>16}" if words is None else f"{words:>16.1%}"
        rows.append(
            f"{title:28}{one['repeated_mean']:>16.1%}{one['repeated_worst']:>8.1%}{counts}{share}"
        )
    return [*rows, *_verdicts(found)]


def _verdicts(found: dict[str, Any]) -> list[str]:
    """Whether the model reaches what it should."""
    worst, words = found["greedy"]["repeated_worst"], found["sampled"].get("share_of_words")
    verdicts = [("repeated, worst", f"at most {MOST_REPEATED:.1%}", worst <= MOST_REPEATED)]
    if words is not None:
        verdicts.append(("words", f"at least {LEAST_WORDS:.1%}", words >= LEAST_WORDS))
    return [f"{name}: {aim}: {'yes' if good else 'no'}" for name, aim, good in verdicts]


def read_prompts(path: Path = PROMPTS) -> tuple[str, ...]:
    """The lines of a file.

    Raises:
        ValueError: it is missing, no UTF-8, or has no line with anything in it.
    """
    try:
        with os_errors_as_value_error(path, "read"):
            found = tuple(line for line in path.read_text("utf-8").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no UTF-8 text: {error.reason}") from None
    if not found:
        raise ValueError(f"{path} has no line to continue")
    return found
