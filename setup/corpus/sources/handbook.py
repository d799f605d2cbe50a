"""Sources of The Debian Administrator's Handbook, in English and translations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from ..clean import clean_block
from ..document import Document, sorted_files
from ..extract import html_blocks
from ..native import translated
from .registry import REGISTRY

LOCALES = {
    "en": "en-US", "de": "de-DE", "fr": "fr-FR", "es": "es-ES", "it": "it-IT", "pt": "pt-BR",
    "ru": "ru-RU", "ja": "ja-JP", "zh": "zh-CN", "ar": "ar-MA", "fa": "fa-IR", "vi": "vi-VN",
    "pl": "pl-PL", "nb": "nb-NO",
}  # fmt: skip
NAVIGATION = (
    "//div[@id='banner']|//p[@id='title']|//ul[contains(@class, 'docnav')]|//div[@class='toc']"
    "|//a[@class='indexterm']"
)


def pages(folder: Path, locale: str) -> Iterator[tuple[str, list[str]]]:
    """Yield name and blocks of the handbook's pages in the language of `locale`."""
    for path in sorted_files(folder, f"usr/share/doc/debian-handbook/html/{locale}/*.html"):
        if path.stem not in ("index", "ix01"):
            yield path.stem, html_blocks(path.read_bytes(), drop=NAVIGATION)


@cache
def english_paragraphs(folder: Path) -> frozenset[str]:
    """Return the paragraphs of the English edition of the handbook, cleaned."""
    edition = pages(folder, LOCALES["en"])
    return frozenset(clean_block(block) for _, blocks in edition for block in blocks)


def handbook(folder: Path, lang: str) -> Iterator[Document]:
    """Yield one document per section of the handbook; in translations the translated part alone."""
    for page, blocks in pages(folder, LOCALES[lang]):
        if lang != "en":
            blocks = list(translated(blocks, lang, english_paragraphs(folder)))
        yield Document(f"debian-handbook-{lang}/{page}", blocks)


for _lang in LOCALES:
    REGISTRY.source(
        f"debian-handbook-{_lang}",
        "deb:debian-handbook",
        licence="CC-BY-SA-3.0",
        note="The Debian Administrator's Handbook, copyright 2003-2015 Raphaël Hertzog, Roland "
        "Mas, Freexian SARL, and its translators; offered under CC-BY-SA-3.0 or GPL-2+, used "
        "under the former.",
        lang=_lang,
        kind="technical",
        held_percent=4,
        dedupe_paragraphs=True,
    )(partial(handbook, lang=_lang))
