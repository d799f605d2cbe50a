"""Detection of translated text, against text that was left in English."""

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
        "as": "\u0980-\u09ff",
        "bg": "\u0400-\u04ff",
        "bn": "\u0980-\u09ff",
        "dz": "\u0f00-\u0fff",
        "el": "\u0370-\u03ff\u1f00-\u1fff",
        "gu": "\u0a80-\u0aff",
        "he": "\u0590-\u05ff",
        "ka": "\u10a0-\u10ff",
        "kk": "\u0400-\u04ff",
        "km": "\u1780-\u17ff",
        "kn": "\u0c80-\u0cff",
        "ml": "\u0d00-\u0d7f",
        "mn": "\u0400-\u04ff",
        "mr": "\u0900-\u097f",
        "ne": "\u0900-\u097f",
        "or": "\u0b00-\u0b7f",
        "pa": "\u0a00-\u0a7f",
        "si": "\u0d80-\u0dff",
        "ta": "\u0b80-\u0bff",
        "te": "\u0c00-\u0c7f",
        "th": "\u0e00-\u0e7f",
        "ug": "\u0600-\u06ff",
        "uk": "\u0400-\u04ff",
    }.items()
}


def is_native(text: str, language: str) -> bool:
    """Return whether a text is in `language`, by its letters or, in Latin script, by its words."""
    script = _SCRIPTS.get(language)
    if script is None:
        words = _WORD.findall(text.lower())
        return sum(word in _ENGLISH for word in words) <= MAX_ENGLISH_SHARE * len(words)
    letters = len(_LETTER.findall(text))
    return len(script.findall(text)) >= MIN_NATIVE_SHARE * letters


def translated(blocks: Iterable[str], language: str, english: Container[str]) -> Iterator[str]:
    """Yield the blocks translated into `language`; `english` holds the cleaned originals."""
    for block in blocks:
        text = clean_block(block)
        is_copy = len(text.encode()) >= MIN_SHARED_BYTES and text in english
        if not is_copy and is_native(text, language):
            yield block
