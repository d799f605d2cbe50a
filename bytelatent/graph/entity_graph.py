"""Entity graph of a text: its entities as nodes, and the sentences that mention two as edges."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bytelatent.files import read_json
from bytelatent.graph.layout import arrange
from bytelatent.graph.mentions import Finder, Mention, Progress, Sentence
from bytelatent.graph.merging import merge
from bytelatent.graph.name_words import HE, PLACED, SHE
from bytelatent.graph.names import NameUse, is_latin, is_name, key_of, kind_of

if TYPE_CHECKING:
    import networkx as nx

WITH = "with"
"""Relation type of two entities that share a sentence which states no relation."""


class Overrides(BaseModel):
    """Corrections of the user to an entity graph.

    Attributes:
        aliases: for each label, other names of the same entity.
        labels: for each name, its type of entity.
        drop: names that are no entities.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    aliases: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    drop: list[str] = []

    @classmethod
    def read(cls, path: Path | str) -> "Overrides":
        """Read overrides from a JSON file.

        Raises:
            ValueError: the file is missing or invalid; the message names file and field.
        """
        try:
            return cls.model_validate(read_json(path))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            raise ValueError(
                f"{path}: {where}: {first['msg']}; known are aliases, labels, drop"
            ) from None


class EntityGraphArgs(BaseModel):
    """Settings of an entity graph.

    Attributes:
        max_nodes: maximum number of entities; the most mentioned ones are kept.
        min_count: minimum number of mentions of an entity.
        seed: seed of the community search and of the layout.
        evidence: maximum number of sentences kept per edge.
        mentions: maximum number of positions kept per node.
        max_evidence: maximum number of characters of a piece of evidence; entities further apart
            get no edge.
        max_in_sentence: maximum number of entities of one sentence that get edges with each other;
            a longer list is no evidence of a relation.
        max_bytes: maximum length of the text in bytes; a longer one would take minutes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_nodes: int = Field(default=1500, ge=1, le=3000)
    min_count: int = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    evidence: int = Field(default=5, ge=1)
    mentions: int = Field(default=20, ge=0)
    max_evidence: int = Field(default=1000, ge=100)
    max_in_sentence: int = Field(default=12, ge=2)
    max_bytes: int = Field(default=2_000_000, ge=1)


@dataclass
class _Link:
    """Counts and evidence of one directed pair of entities."""

    count: int = 0
    relations: Counter[str] = field(default_factory=Counter)
    passages: list[tuple[bool, int, int]] = field(default_factory=list)


_Pair = tuple[str, str]


def entity_graph(
    text: str,
    finder: Finder,
    args: EntityGraphArgs | None = None,
    *,
    overrides: Overrides | None = None,
    title: str = "",
    source: str = "pasted text",
    progress: Progress | None = None,
) -> "nx.DiGraph":
    """Build the entity graph of a text, with a layout; a text without entities gives no nodes.

    Nodes have ``label``, ``type``, ``count``, ``aliases``, ``mentions``, ``degree``, ``community``,
    ``x`` and ``y``. Edges have ``type``, ``relations``, ``count`` (sentences) and ``evidence``;
    every ``text`` of the evidence is ``original[start:end]`` and names both ends. Positions are
    characters of ``text``. Where the finder found nothing, or the text is mostly in a script that
    the finder does not read, the graph's attribute ``note`` says so.

    Raises:
        ValueError: the text is longer than ``max_bytes``.
    """
    import networkx as nx

    args, overrides = args or EntityGraphArgs(), overrides or Overrides()
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > args.max_bytes:
        raise ValueError(
            f"the text has {size:,} bytes; {args.max_bytes:,} at most are made into an entity "
            "graph: cut it, or raise max_bytes"
        )
    sentences = list(_with_keys(finder.find(text, progress), overrides))
    group, kinds = _groups(text, sentences, overrides)
    nodes = _nodes(sentences, group)
    kept = [key for key in sorted(nodes, key=lambda key: -len(nodes[key]))]
    kept = [key for key in kept if len(nodes[key]) >= args.min_count][: args.max_nodes]
    graph = nx.DiGraph(
        kind="entities",
        title=title,
        source=source,
        bytes=size,
        truncated=len(kept) < len(nodes),
        seed=args.seed,
        finder=finder.name,
    )
    labels = _add_nodes(graph, {key: nodes[key] for key in kept}, kinds, overrides, args.mentions)
    _add_links(graph, _links(sentences, group, labels, args), text, args)
    arrange(graph, seed=args.seed)
    graph.graph["statistics"] = {
        "sentences": len(sentences),
        "mentions": sum(map(len, nodes.values())),
        "entities": len(nodes),
        "nodes": graph.number_of_nodes(),
        "links": graph.number_of_edges(),
        "communities": len({community for _, community in graph.nodes(data="community")}),
        "links_with_relation": sum(kind != WITH for *_, kind in graph.edges(data="type")),
    }
    if note := _note(text, graph.number_of_nodes(), finder.name):
        graph.graph["note"] = note
    return graph


def _note(text: str, nodes: int, finder: str) -> str | None:
    """Return a sentence on what a finder could not read, or None if it could read the text."""
    letters = {c: count for c, count in Counter(text).items() if c.isalpha()}
    foreign = sum(count for c, count in letters.items() if not is_latin(c))
    if not letters:
        return "The text has no letters, so it has no names."
    if 2 * foreign > sum(letters.values()):
        result = "found no names" if not nodes else "may have missed names"
        return (
            f"The finder ({finder}) knows English and {result}: most of the text is in another "
            "script."
        )
    if not nodes:
        return (
            f"The finder ({finder}) found no names; it knows English, so a text in another "
            "language needs another finder."
        )
    return None


_Keyed = tuple[Sentence, list[str]]
"""A sentence and the keys of its mentions; the key is empty for a mention that is no name."""


def _with_keys(sentences: Iterable[Sentence], overrides: Overrides) -> Iterator[_Keyed]:
    dropped = {key_of(name) for name in overrides.drop}
    for sentence in sentences:
        keys = [_key(mention.text, dropped) for mention in sentence.mentions]
        if any(keys):
            yield sentence, keys


def _key(name: str, dropped: set[str]) -> str:
    key = key_of(name)
    return "" if key in dropped or not is_name(name) else key


def _groups(
    text: str, sentences: list[_Keyed], overrides: Overrides
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the entity of every key, and the type of every entity."""
    uses: dict[str, NameUse] = defaultdict(NameUse)
    for sentence, keys in sentences:
        for number, (mention, key) in enumerate(zip(sentence.mentions, keys, strict=True)):
            if key:
                use = uses[key]
                use.count += 1
                use.labels[mention.label] += 1
                use.starts.append(mention.start)
                use.placed += bool(PLACED.search(text[max(0, mention.start - 9) : mention.start]))
                behind = sentence.mentions[number + 1 : number + 2]
                _vote(text[mention.end : behind[0].start if behind else sentence.end], use)
    alias_groups = [
        [key_of(name) for name in (label, *more)] for label, more in overrides.aliases.items()
    ]
    group = merge(uses, alias_groups)
    members: dict[str, list[str]] = defaultdict(list)
    for key, first in group.items():
        members[first].append(key)
    return group, {first: kind_of(keys, uses) for first, keys in members.items()}


def _vote(text: str, use: NameUse) -> None:
    """Count which pronoun comes first after a name."""
    he, she = HE.search(text), SHE.search(text)
    if he and (not she or he.start() < she.start()):
        use.he += 1
    elif she:
        use.she += 1


def _nodes(sentences: list[_Keyed], group: Mapping[str, str]) -> dict[str, list[Mention]]:
    """Return the mentions of every entity, in order."""
    nodes: dict[str, list[Mention]] = defaultdict(list)
    for sentence, keys in sentences:
        for mention, key in zip(sentence.mentions, keys, strict=True):
            if key:
                nodes[group[key]].append(mention)
    return nodes


def _add_nodes(
    graph: "nx.DiGraph",
    nodes: Mapping[str, list[Mention]],
    kinds: Mapping[str, str],
    overrides: Overrides,
    max_mentions: int,
) -> dict[str, str]:
    """Add the nodes and return the node id of every entity."""
    labels = {key_of(name): name for name in overrides.aliases}
    known = {key_of(name): kind for name, kind in overrides.labels.items()}
    ids: dict[str, str] = {}
    for group, mentions in nodes.items():
        names = Counter(mention.text for mention in mentions)
        keys = {key_of(name) for name in names}
        label = next((labels[key] for key in keys if key in labels), None)
        label = label or _best_spelling(names)
        kind = next((known[key] for key in [*keys, key_of(label)] if key in known), kinds[group])
        ids[group] = label if label not in graph else f"{label} ({group})"
        graph.add_node(
            ids[group],
            label=label,
            type=kind,
            count=len(mentions),
            aliases=[name for name, _ in names.most_common()],
            mentions=[[m.start, m.end] for m in mentions[:max_mentions]],
        )
    return ids


def _best_spelling(names: Counter[str]) -> str:
    """Return the most frequent spelling; avoid one in capitals or broken over lines."""
    flat: Counter[str] = Counter()
    for name, count in names.items():
        flat[" ".join(name.split())] += count
    calm = [name for name in flat if not (name.isupper() and len(name) > 4)]
    return max(calm or flat, key=lambda name: (flat[name], len(name)))


def _links(
    sentences: list[_Keyed], group: Mapping[str, str], ids: Mapping[str, str], args: EntityGraphArgs
) -> dict[_Pair, _Link]:
    """Return all pairs of entities that a sentence joins.

    A pair has the direction of its relations. Where a sentence only names both entities, the pair
    has the direction that it has in other sentences, or starts at the entity named first.
    """
    links: dict[_Pair, _Link] = defaultdict(_Link)
    meetings: list[tuple[_Pair, tuple[int, int]]] = []
    for sentence, keys in sentences:
        names = [ids.get(group[key], "") if key else "" for key in keys]
        related: set[frozenset[str]] = set()
        for triple in sentence.triples:
            pair = names[triple.subject], names[triple.object]
            ends = sentence.mentions[triple.subject], sentence.mentions[triple.object]
            place = _window(sentence, *ends, most=args.max_evidence)
            if place and all(pair) and pair[0] != pair[1]:
                related.add(frozenset(pair))
                _count(links[pair], triple.relation, True, place)
        for pair, ends in _meetings(sentence, names, args.max_in_sentence):
            place = _window(sentence, *ends, most=args.max_evidence)
            if place and frozenset(pair) not in related:
                meetings.append((pair, place))
    for pair, place in meetings:
        back = pair[::-1]
        way = back if back in links and (pair not in links) else pair
        if back in links and pair in links:
            way = max(pair, back, key=lambda candidate: links[candidate].count)
        _count(links[way], WITH, False, place)
    return links


def _meetings(
    sentence: Sentence, names: list[str], most: int
) -> Iterator[tuple[_Pair, tuple[Mention, Mention]]]:
    first: dict[str, Mention] = {}
    for name, mention in zip(names, sentence.mentions, strict=True):
        if name:
            first.setdefault(name, mention)
    if len(first) <= most:
        for (left, a), (right, b) in combinations(first.items(), 2):
            yield (left, right), (a, b)


def _window(
    sentence: Sentence, first: Mention, second: Mention, *, most: int
) -> tuple[int, int] | None:
    """Return the sentence, or the part of a long one around two mentions; None if too far apart."""
    if sentence.end - sentence.start <= most:
        return sentence.start, sentence.end
    low, high = min(first.start, second.start), max(first.end, second.end)
    room = (most - (high - low)) // 2
    if room < 0:
        return None
    return max(sentence.start, low - room), min(sentence.end, high + room)


def _count(link: _Link, relation: str, said: bool, place: tuple[int, int]) -> None:
    link.count += 1
    link.relations[relation] += 1
    link.passages.append((said, *place))


def _add_links(
    graph: "nx.DiGraph", links: Mapping[_Pair, _Link], text: str, args: EntityGraphArgs
) -> None:
    """Add the edges; sentences that state a relation come first in the evidence."""
    for (source, target), link in links.items():
        said = [(name, count) for name, count in link.relations.most_common() if name != WITH]
        passages = dict.fromkeys(
            place[1:] for place in sorted(link.passages, key=lambda p: not p[0])
        )
        graph.add_edge(
            source,
            target,
            type=said[0][0] if said else WITH,
            count=link.count,
            relations=dict(link.relations.most_common()),
            evidence=[
                {"text": text[start:end], "start": start, "end": end}
                for start, end in [*passages][: args.evidence]
            ],
        )
