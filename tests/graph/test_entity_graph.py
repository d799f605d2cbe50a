"""The entity graph: what must hold of every one, by either finder, and of odd texts."""

import importlib.util
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bytelatent.graph import build, entities
from bytelatent.graph.entities import pieces
from bytelatent.graph.entity_graph import EntityGraphArgs, Overrides, entity_graph
from bytelatent.graph.gazetteer import GazetteerFinder, sentences
from bytelatent.graph.mentions import Finder, Mention, Progress, Sentence, Triple
from bytelatent.graph.name_words import STOP_WORDS

SAMPLES = Path(build.__file__).parents[1] / "plotting" / "samples"
needs_spacy = pytest.mark.skipif(
    importlib.util.find_spec("spacy") is None, reason="needs bytelatent[graph]"
)
FINDERS = [
    pytest.param("gazetteer", id="gazetteer"),
    pytest.param("spacy", id="spacy", marks=needs_spacy),
]


@cache
def finder(kind: str) -> Finder:
    return GazetteerFinder() if kind == "gazetteer" else entities.SpacyFinder()


def check(graph: Any, text: str) -> None:
    """What holds of every entity graph."""
    for node, values in graph.nodes(data=True):
        words = values["label"].casefold().split()
        assert words and re.search(r"\w", values["label"]), node
        assert not set(words) <= STOP_WORDS, node
        assert values["label"] == values["label"].strip()
        assert -1 <= values["x"] <= 1 and -1 <= values["y"] <= 1
        for start, end in values["mentions"]:
            assert text[start:end] in values["aliases"], node
    for source, target, values in graph.edges(data=True):
        assert source != target
        assert 1 <= len(values["evidence"]) <= 5
        assert values["type"] in values["relations"]
        assert sum(values["relations"].values()) == values["count"]
        for place in values["evidence"]:
            assert text[place["start"] : place["end"]] == place["text"]
            for end in (source, target):
                assert any(name in place["text"] for name in graph.nodes[end]["aliases"])
    json.dumps(graph.graph, allow_nan=False)


class Listed:
    """Finds names that are listed, in sentences that end with a full stop."""

    name = "listed"

    def __init__(self, *names: str, triples: dict[int, list[Triple]] | None = None) -> None:
        self._names = re.compile("|".join(map(re.escape, names)))
        self._triples = triples or {}

    def find(self, text: str, progress: Progress | None = None) -> Iterator[Sentence]:
        for number, found in enumerate(re.finditer(r"[^.]+\.", text)):
            mentions = [
                Mention(*name.span(), name[0], "PERSON")
                for name in self._names.finditer(text, *found.span())
            ]
            yield Sentence(*found.span(), mentions, self._triples.get(number, []))


def test_counts_relations_and_evidence() -> None:
    text = "Anna saw Boris. Boris and Anna sat. Clara slept. Anna met Clara."
    triples = {0: [Triple(0, "see", 1)], 3: [Triple(0, "meet", 1)]}
    graph = entity_graph(text, Listed("Anna", "Boris", "Clara", triples=triples))
    check(graph, text)
    assert dict(graph.nodes(data="count")) == {"Anna": 3, "Boris": 2, "Clara": 2}
    assert set(graph.edges) == {("Anna", "Boris"), ("Anna", "Clara")}
    edge = graph.edges["Anna", "Boris"]
    assert (edge["type"], edge["count"]) == ("see", 2)
    assert edge["relations"] == {"see": 1, "with": 1}
    assert edge["evidence"] == [
        {"text": "Anna saw Boris.", "start": 0, "end": 15},
        {"text": " Boris and Anna sat.", "start": 15, "end": 35},
    ]
    assert graph.graph["statistics"]["links_with_relation"] == 2


def test_overrides_join_name_and_drop() -> None:
    text = "Lizzy saw Rome. Elizabeth saw Rome. Pah saw Lizzy."
    given = Overrides(aliases={"Elizabeth": ["Lizzy"]}, labels={"Rome": "GPE"}, drop=["Pah"])
    graph = entity_graph(text, Listed("Lizzy", "Elizabeth", "Rome", "Pah"), overrides=given)
    assert dict(graph.nodes(data="count")) == {"Elizabeth": 3, "Rome": 2}
    assert graph.nodes["Rome"]["type"] == "GPE"
    assert graph.nodes["Elizabeth"]["aliases"] == ["Lizzy", "Elizabeth"]


def test_bad_overrides_are_named(tmp_path: Path) -> None:
    path = tmp_path / "o.json"
    path.write_text('{"alias": {}}')
    with pytest.raises(ValueError, match=r"o\.json: alias: .*known are aliases, labels, drop"):
        Overrides.read(path)


def test_the_most_mentioned_are_kept() -> None:
    text = "Anna saw Boris. Anna slept. Boris met Clara. Clara slept. Anna sang."
    args = EntityGraphArgs(max_nodes=2)
    graph = entity_graph(text, Listed("Anna", "Boris", "Clara"), args)
    assert set(graph) == {"Anna", "Boris"} and graph.graph["truncated"]
    often = entity_graph(text, Listed("Anna", "Clara"), EntityGraphArgs(min_count=3))
    assert set(often) == {"Anna"}


def test_evidence_of_an_endless_sentence_is_cut_and_still_has_both_ends() -> None:
    text = "Anna " + "very " * 100 + "met Boris " + "very " * 1000 + "Clara."
    graph = entity_graph(text, Listed("Anna", "Boris", "Clara"))
    check(graph, text)
    assert set(graph.edges) == {("Anna", "Boris")}
    assert len(graph.edges["Anna", "Boris"]["evidence"][0]["text"]) <= 1000


@pytest.mark.parametrize("kind", FINDERS)
@pytest.mark.parametrize(
    "text",
    ["", " \n\n ", "\0\x01\x02", "nothing is named here, and nobody.", "语言模型读取字节。" * 30,
     "нет здесь латинских букв, ни одной. " * 5, "x" * 20_000, "Paris " * 3000,
     "I. The. Oh!"],
)  # fmt: skip
def test_odd_texts(kind: str, text: str) -> None:
    graph = entity_graph(text, finder(kind))
    check(graph, text)
    assert len(graph) <= 1
    assert graph.number_of_edges() == 0


def test_what_is_too_long_is_said() -> None:
    with pytest.raises(ValueError, match=r"10,000,000 bytes; 2,000,000 at most.*max_bytes"):
        entity_graph("x" * 10_000_000, GazetteerFinder())


@pytest.mark.parametrize("kind", FINDERS)
def test_places_are_those_of_the_original(kind: str) -> None:
    text = (
        "Prince Vasíli, they say, met Mr. Borís Drubetskóy in London.\r\n\r\n"
        "“Mr. Borís\nDrubetskóy’s house in London,” said Prince Vasíli, “is old.” "
        "In London Prince Vasíli saw Mr. Borís Drubetskóy.\n"
    )
    graph = entity_graph(text, finder(kind))
    check(graph, text)
    (boris,) = [node for node in graph if "Drubetskóy" in node]
    assert graph.nodes[boris]["type"] == "PERSON"
    assert graph.nodes[boris]["count"] == 3
    assert {"London", "Prince Vasíli"} <= set(graph)


@pytest.mark.parametrize("kind", FINDERS)
def test_chapters_of_a_novel(kind: str) -> None:
    text = (SAMPLES / "persuasion.txt").read_text()[:26_000]
    seen: list[tuple[int, int]] = []
    graph = entity_graph(text, finder(kind), progress=lambda *now: seen.append(now))
    check(graph, text)
    most = sorted(graph.nodes(data="count"), key=lambda item: -item[1])[:3]
    assert {name for name, _ in most} >= {"Sir Walter", "Elizabeth"}
    assert graph.nodes["Sir Walter"]["type"] == "PERSON"
    assert graph.number_of_edges() > 50
    assert seen[-1][0] == seen[-1][1]


@needs_spacy
@pytest.mark.parametrize(
    ("text", "subject", "relation", "target"),
    [
        ("Bingley danced with Jane.", "Bingley", "dance with", "Jane"),
        ("Darcy married Elizabeth.", "Darcy", "marry", "Elizabeth"),
        ("Lydia was seen by Denny.", "Denny", "see", "Lydia"),
        ("Wickham came to London and met Lydia.", "Wickham", "meet", "Lydia"),
        ("Darcy is the nephew of Lady Catherine.", "Darcy", "nephew of", "Lady Catherine"),
        ("Darcy and Bingley visited Elizabeth.", "Bingley", "visit", "Elizabeth"),
        ("Elizabeth did not marry Darcy.", "Elizabeth", "not marry", "Darcy"),
        ("Bingley did not want to meet Wickham.", "Bingley", "not want to meet", "Wickham"),
        ("Jane never danced with Denny.", "Jane", "not dance with", "Denny"),
        ("Darcy is not the nephew of Bingley.", "Darcy", "not nephew of", "Bingley"),
        ("Darcy was not seen by Jane.", "Jane", "not see", "Darcy"),
        ("Darcy was robbed in London.", "Darcy", "be robbed in", "London"),
        ("Jane was born in London.", "Jane", "be born in", "London"),
        ("Jane was not born in London.", "Jane", "not be born in", "London"),
        ("Darcy was robbed and beaten in London.", "Darcy", "be beaten in", "London"),
        ("Lydia wanted to be taken to London.", "Lydia", "want to be taken to", "London"),
        ("Wickham was robbed and then saw Lydia.", "Wickham", "see", "Lydia"),
        ("Elizabeth refused to marry Darcy.", "Elizabeth", "refuse to marry", "Darcy"),
        ("Elizabeth avoided meeting Wickham.", "Elizabeth", "avoid meeting", "Wickham"),
        ("Jane failed to dance with Denny.", "Jane", "fail to dance with", "Denny"),
    ],
)
def test_relations(text: str, subject: str, relation: str, target: str) -> None:
    triples = related(text)
    assert (subject, relation, target) in triples
    denied = relation.startswith("not ")
    assert all(found.startswith("not ") == denied for _, found, _ in triples)


@needs_spacy
@pytest.mark.parametrize(
    "text",
    ["Darcy asked Jane to marry Bingley.", "Jane was asked by Darcy to marry Bingley.",
     "Elizabeth refused to marry Darcy.", "Darcy was robbed in London."],
)  # fmt: skip
def test_what_is_only_asked_or_refused_or_suffered_is_not_done(text: str) -> None:
    assert not {"marry", "rob in"} & {relation for _, relation, _ in related(text)}


@needs_spacy
def test_a_speaker_is_not_related_to_a_name_in_the_speech() -> None:
    assert related('"My dear Jane!" exclaimed Elizabeth.') == []
    assert related("“Jane met Bingley,” cried Lydia.") == [("Jane", "meet", "Bingley")]


def related(text: str) -> list[tuple[str, str, str]]:
    nlp = entities._load(str(entities.model_name()))
    doc = nlp(text)
    names = ("Lady Catherine", "Bingley", "Jane", "Darcy", "Elizabeth", "Lydia", "Denny", "Wickham",
             "London")  # fmt: skip
    found = [match.span() for match in re.finditer("|".join(names), text)]
    spans = [doc.char_span(*place) for place in found]
    owner = {token.i: number for number, span in enumerate(spans) for token in span}
    (sentence,) = doc.sents
    return [
        (spans[one.subject].text, one.relation, spans[one.object].text)
        for one in entities.triples(sentence, owner)
    ]


def test_without_spacy_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "spacy" else find(name)
    )
    reason = build.entity_graph_available()
    assert reason is not None and "pip install" in reason and "\n" not in reason
    with pytest.raises(ValueError, match="pip install"):
        entities.SpacyFinder()
    found = build.entity_graph_of("Mr. Darcy met Miss Bingley.", title="", max_nodes=9, seed=0)
    assert found["graph"]["finder"] == "gazetteer"
    assert {node["id"] for node in found["nodes"]} == {"Mr. Darcy", "Miss Bingley"}


@needs_spacy
def test_a_model_that_was_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if entities.model_name() != entities.COPY:
        pytest.skip("the official model is installed")
    assert entities.unavailable() is None
    monkeypatch.setattr(entities, "COPY_SHA256", "0" * 64)
    assert "is not the copy that was checked" in str(entities.unavailable())


def test_long_paragraphs_are_cut_between_words() -> None:
    text = ("word " * 3000 + "\n\n" + "语" * 50 + "\n\nshort").strip()
    parts = list(pieces(text))
    assert all(end - start <= 5000 for start, end in parts)
    assert "".join(text[start:end] for start, end in parts).split() == ["word"] * 3000 + ["short"]


@pytest.mark.parametrize("kind", FINDERS)
def test_a_middle_initial_belongs_to_the_name(kind: str) -> None:
    text = "In London Dr. John H. Watson met Mr. Holmes. Mr. Holmes knew Dr. John Watson well. " * 2
    graph = entity_graph(text, finder(kind))
    check(graph, text)
    watsons = [node for node in graph if "Watson" in node]
    assert len(watsons) == 1


BOOK = """PRIDE AND PREJUDICE

CONTENTS

CHAPTER I. The Ball
CHAPTER II. A Letter

CHAPTER I

Mr. Darcy met Miss Bingley in London. Miss Bingley saw Mr. Wickham in London.

CHAPTER II

Mr. Wickham never met Lady Catherine in London. IN LONDON NOBODY SAW MR. DARCY.

THE END

END
"""


@pytest.mark.parametrize("kind", FINDERS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_headings_of_a_book_are_no_names(kind: str, end: str) -> None:
    text = BOOK.replace("\n", end)
    graph = entity_graph(text, finder(kind))
    check(graph, text)
    people = {"Mr. Darcy", "Miss Bingley", "London", "Mr. Wickham", "Lady Catherine"}
    assert set(graph) == people


def test_a_text_in_capitals_is_no_heading() -> None:
    graph = entity_graph("MR. DARCY MET MISS BINGLEY.", GazetteerFinder())
    assert len(graph) > 0


@pytest.mark.parametrize("kind", FINDERS)
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("нет здесь латинских букв, ни одной.", "most of the text is in another script"),
        ("语言模型读取字节。", "most of the text is in another script"),
        ("nothing is named here, and nobody.", "another language"),
        ("... 12", "no letters"),
    ],
)
def test_a_graph_without_nodes_says_why(kind: str, text: str, why: str) -> None:
    graph = entity_graph(text, finder(kind))
    assert len(graph) == 0 and why in graph.graph["note"]


def test_a_graph_with_names_has_no_note() -> None:
    assert "note" not in entity_graph("Anna saw Boris.", Listed("Anna", "Boris")).graph


def test_sentences_of_the_gazetteer() -> None:
    text = 'Mr. Darcy came. "Oh!" she said. "Never." He left at 3.5 p.m. today\n\nChapter 2'
    found = [text[start:end] for start, end in sentences(text)]
    assert found == ["Mr. Darcy came.", '"Oh!" she said.', '"Never."',
                     "He left at 3.5 p.m. today", "Chapter 2"]  # fmt: skip
