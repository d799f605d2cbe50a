"""The sources of the corpus in other languages and in code, on tiny made-up packages."""

from __future__ import annotations

import importlib
import itertools
import sqlite3
import struct
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bytelatent.data import notice

SETUP = str(Path(__file__).parents[2] / "setup")
sys.path.insert(0, SETUP)  # a folder of scripts, not an installed package
try:
    build_corpus = importlib.import_module("build_corpus")
    clean = importlib.import_module("corpus.clean")
    extract = importlib.import_module("corpus.extract")
    native = importlib.import_module("corpus.native")
    code = importlib.import_module("corpus.sources.code")
    game = importlib.import_module("corpus.sources.game")
    prose = importlib.import_module("corpus.sources.prose")
    translations = importlib.import_module("corpus.sources.translations")
finally:
    sys.path.remove(SETUP)

FRENCH = "Le mot the tout seul ne compte pas, car les titres anglais sont nombreux."


def catalogue(messages: dict[str, str], order: str = "<") -> bytes:
    """A gettext catalogue as `msgfmt` writes it."""
    pairs = [(k.encode(), v.encode()) for k, v in sorted(messages.items())]
    start, tables, strings = 28 + 16 * len(pairs), [b"", b""], b""
    for pair in pairs:
        for side in (0, 1):
            tables[side] += struct.pack(f"{order}II", len(pair[side]), start + len(strings))
            strings += pair[side] + b"\0"
    numbers = (0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return struct.pack(f"{order}7I", *numbers) + tables[0] + tables[1] + strings


@pytest.mark.parametrize("order", ["<", ">"])
def test_messages_are_read_from_a_gettext_catalogue(order: str) -> None:
    messages = {"": "Language: de", "menu\x04Open": "Öffnen", "%d cat\0%d cats": "%d Katze\0%d"}
    found = list(extract.mo_messages(catalogue(messages, order)))
    assert found == [("%d cat", "%d Katze"), ("Open", "Öffnen")]
    with pytest.raises(ValueError, match="no gettext catalogue"):
        list(extract.mo_messages(b"something else"))


def test_blocks_left_in_english_are_dropped() -> None:
    english = {"Choose Tools - Spelling to check.", "Format"}
    german = ["Format", "Choose Tools - Spelling to check.", "Wählen Sie Extras.", "`ls -l`"]
    assert list(native.translated(german, "de", english)) == [german[0], *german[2:]]
    mixed = "Similar to this, the command that you type comes from « La commande »."
    assert list(native.translated([mixed, FRENCH], "fr", set())) == [FRENCH]
    japanese = ["LibreOffice で書式を選択します。", "Choose a format.", "2.1"]
    assert list(native.translated(japanese, "ja", set())) == [japanese[0], japanese[2]]


def test_every_source_is_attributed_and_may_be_published() -> None:
    trained = [s for s in build_corpus.REGISTRY.values() if s.kind != "held-out"]
    licences = {name for source in trained for name in source.licence.split(" AND ")}
    assert licences == {"public domain", *notice.LICENCES}
    for source in build_corpus.REGISTRY.values():
        assert source.note.endswith(".")
        assert source.packages or source.parents or source.kind == "held-out"
        assert set(source.sha256) == {p for p in source.packages if not p.startswith("deb:")}


def test_a_bible_chapter_loses_the_marks_of_its_verses(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bible.db")) as database:
        database.execute("create table bible (bbName, bNumber, cNumber, vNumber, vText)")
        database.execute("create table bibleRef (bbName, bNumber, bName)")
        database.executemany("insert into bibleRef values (?, 1, ?)", [("l", "Genèse"), ("e", "")])
        verses = [("l", 1, 2, 1, "(2:1) Ainsi *furent* [achevés]."), ("l", 1, 1, 1, "Au début.")]
        database.executemany("insert into bible values (?, ?, ?, ?, ?)", verses)
        database.commit()
    chapters = list(translations.bible(tmp_path, "fr"))
    assert [(c.id, c.blocks) for c in chapters] == [
        ("bible-fr/Genèse/1", ["Genèse 1", "Au début."]),
        ("bible-fr/Genèse/2", ["Genèse 2", " Ainsi furent achevés."]),
    ]


def test_game_texts_of_a_language_share_the_documents_of_the_english(tmp_path: Path) -> None:
    texts = {
        "A <color_red>red</color> door opens slowly.": "Eine <color_red>rote</color> Tür geht auf.",
        "Nobody has translated this one.": "Nobody has translated this one.",
        "Door": "Tür",
    }
    for locale in game.LOCALES.values():
        path = tmp_path / f"usr/share/locale/{locale}/LC_MESSAGES/cataclysm-dda.mo"
        path.parent.mkdir(parents=True)
        path.write_bytes(catalogue(texts))
    english = {d.id.split("/")[1]: d.blocks for d in game.english(tmp_path)}
    german = {d.id.split("/")[1]: d.blocks for d in game.translation(tmp_path, "de")}
    assert sorted(itertools.chain(*english.values())) == [
        "A red door opens slowly.",
        "Nobody has translated this one.",
    ]
    ((number, lines),) = ((n, lines) for n, lines in german.items() if lines)
    assert lines == ["Eine rote Tür geht auf."]
    assert english[number] == ["A red door opens slowly."]


def test_code_keeps_its_form_and_bundles_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.js").write_text("if (x) {\n\treturn;\n}\n")
    (tmp_path / "lib" / "bundle.js").write_text("x" * 2_000)
    (tmp_path / "lib" / "old.js").write_text("let y;\n")
    (document,) = code.files(tmp_path, "**/*.js", prefix="code-x", skip="old")
    assert (document.id, document.lang) == ("code-x/lib/a.js", "javascript")
    assert clean.join_blocks(document.blocks) == "if (x) {\n\treturn;\n}"


def test_a_play_is_cut_into_scenes() -> None:
    play = ["HAMLET", "Ghost.", "ACT I.", "Scene I. Elsinore.", "Who's there?", "SCENE II.", "Exit"]
    scenes = [["HAMLET", "Ghost."], ["Scene I. Elsinore.", "Who's there?"], ["SCENE II.", "Exit"]]
    assert list(prose.play_scenes([*play, "THE END"])) == scenes
