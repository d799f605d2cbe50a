"""Sources of the texts of the game Cataclysm: Dark Days Ahead, in English and translations."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from ..document import Document, sorted_files
from ..extract import mo_messages
from ..native import translated
from .registry import REGISTRY

LOCALES = {
    "ru": "ru", "es": "es_ES", "ja": "ja", "pl": "pl", "zh": "zh_CN", "de": "de", "hu": "hu",
    "pt": "pt_BR", "ko": "ko", "fr": "fr", "it": "it_IT",
}  # fmt: skip
BUCKETS = 400  # documents, about 7 kB each
MIN_CHARACTERS = 15  # shorter messages are labels
_STYLE = re.compile(r"</?(?:color\w*|info|bad|bold|good|stat|neutral|header)>")


def lines_of(messages: Iterable[str]) -> Iterator[str]:
    """Yield the lines of messages that are long enough to carry meaning, without style tags."""
    for message in messages:
        for line in _STYLE.sub("", message).split("\n"):
            if len(line.strip()) >= MIN_CHARACTERS:
                yield line


def bucket_of(english: str) -> int:
    """Return the document number of a message, because the catalogue's order is alphabetical."""
    return int.from_bytes(hashlib.sha256(english.encode()).digest()[:4], "big") % BUCKETS


def catalogue(folder: Path, locale: str) -> Iterator[tuple[str, str]]:
    """Yield English text and translation of every message of the game."""
    (path,) = sorted_files(folder, f"usr/share/locale/{locale}/LC_MESSAGES/cataclysm-dda.mo")
    return mo_messages(path.read_bytes())


def documents(name: str, buckets: dict[int, list[str]]) -> Iterator[Document]:
    """Yield a document for each bucket of lines of the game."""
    for number, lines in sorted(buckets.items()):
        yield Document(f"{name}/{number:03d}", lines)


def english(folder: Path) -> Iterator[Document]:
    """Yield documents of a few dozen English messages that any translation holds, one per line."""
    messages = {text for locale in LOCALES.values() for text, _ in catalogue(folder, locale)}
    buckets = defaultdict[int, list[str]](list)
    for message in sorted(messages):
        buckets[bucket_of(message)].extend(lines_of([message]))
    return documents("cataclysm-en", buckets)


def translation(folder: Path, lang: str) -> Iterator[Document]:
    """Yield documents of a few dozen translated messages of the game, one message per line."""
    buckets = defaultdict[int, list[str]](list)
    for original, text in catalogue(folder, LOCALES[lang]):
        lines = translated(lines_of([text]), lang, set(lines_of([original])))
        buckets[bucket_of(original)].extend(lines)
    return documents(f"cataclysm-{lang}", buckets)


for _lang in ("en", *LOCALES):
    REGISTRY.source(
        f"cataclysm-{_lang}",
        "deb:cataclysm-dda-data",
        licence="CC-BY-SA-3.0",
        note="Texts of the game Cataclysm: Dark Days Ahead, copyright its contributors "
        "(Kevin Granade, CleverRaven and others) and translators.",
        lang=_lang,
        kind="interface",
        held_percent=2,
        dedupe_paragraphs=True,
    )(english if _lang == "en" else partial(translation, lang=_lang))
