"""Telling translated text from text that was left in English."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from .clean import clean_block

MIN_SHARED_BYTES = 20  # shorter equal texts ("Format", "LibreOffice Calc") may well be translations
MIN_NATIVE_SHARE = 0.2  # of the letters; product names and code stay Latin in every language
MAX_ENGLISH_SHARE = 0.1  # of the words; quoted titles and commands hold some

_ENGLISH = {"the", "and", "that", "with", "this", "you", "your", "which", "from", "has", "when"}
_WORD = re.compile(r"[^\W\d_]+")
_LETTER = re.compile(r"[^\W\d_]")
_SCRIPTS = {
    language: re.compile(f"[{ranges}]")
    for language, ranges in {
        "am": "\u1200-\u139f",
        "ar": "\u0600-\u06ff",
        "fa": "\u0600-\u06ff",
        "hi": "\u0900-\u097f",
        "ja": "\u3040-\u30ff\u4e00-\u9fff",
        "ko": "\uac00-\ud7a3",
        "ru": "\u0400-\u04ff",
        "zh": "\u4e00-\u9fff",
    }.items()
}


def is_native(text: str, language: str) -> bool:
    """Whether a text is in `language`: by its letters, or for Latin scripts as it is no English."""
    script = _SCRIPTS.get(language)
    if script is None:
        words = _WORD.findall(text.lower())
        return sum(word in _ENGLISH for word in words) <= MAX_ENGLISH_SHARE * len(words)
    letters = len(_LETTER.findall(text))
    return len(script.findall(text)) >= MIN_NATIVE_SHARE * letters


def translated(blocks: Iterable[str], language: str, english: Container[str]) -> Iterator[str]:
    """The blocks that were translated into `language`; `english` holds the cleaned originals."""
    for block in blocks:
        text = clean_block(block)
        is_copy = len(text.encode()) >= MIN_SHARED_BYTES and text in english
        if not is_copy and is_native(text, language):
            yield block
