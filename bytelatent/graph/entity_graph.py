"""The entity graph of a text: who and what it is about, and which sentences bring them together."""

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
from bytelatent.graph.name_words import HE, PLACED, SHE
from bytelatent.graph.names import NameUse, is_name, key_of, kind_of, merge

if TYPE_CHECKING:
    import networkx as nx

WITH = "with"
"""The relation of two entities of which a sentence only says that both are in it."""


class Overrides(BaseModel):
    """What the user knows better.

    Attributes:
        aliases: a label, and other names of the same.
        labels: a name, and what kind of entity it is.
        drop: names that are none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    aliases: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    drop: list[str] = []

    @classmethod
    def read(cls, path: Path | str) -> "Overrides":
        """Read a JSON file.

        Raises:
            ValueError: it is missing or holds something else; file and field are named.
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
    """Settings that decide an entity graph besides the text.

    Attributes:
        max_nodes: number of entities that are kept at most; the most mentioned ones stay.
        min_count: mentions that an entity needs to be kept.
        seed: seed of the search for communities and of the layout.
        evidence: number of sentences that are kept for every edge.
        mentions: number of places that are kept for every node.
        max_evidence: characters of the longest evidence; entities further apart are not joined.
        max_in_sentence: number of entities of one sentence that are joined with each other; a
            longer list says little.
        max_bytes: longer texts are refused, because the model needs minutes for them.
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
    """What is known of a pair, from the first to the second, so far."""

    count: int = 0
    relations: Counter[str] = field(default_factory=Counter)
    places: list[tuple[bool, int, int]] = field(default_factory=list)


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
    """The entity graph of a text, laid out; without nodes for a text that names nothing.

    Nodes: ``label``, ``type``, ``count``, ``aliases``, ``mentions``, ``degree``, ``community``,
    ``x``, ``y``. Edges: ``type``, ``relations``, ``count`` (sentences), ``evidence``, where every
    ``text`` is ``original[start:end]`` and names both ends. Places are characters of ``text``.

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
    return graph


_Keyed = tuple[Sentence, list[str]]
"""A sentence and the keys of its mentions; an empty key for what is no name."""


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
    """Which keys are the same entity, and what kind every group of them is."""
    uses: dict[str, NameUse] = defaultdict(NameUse)
    for sentence, keys in sentences:
        for number, (mention, key) in enumerate(zip(sentence.mentions, keys, strict=True)):
            if key:
                use = uses[key]
                use.count += 1
                use.labels[mention.label] += 1
                use.places.append(mention.start)
                use.placed += bool(PLACED.search(text[max(0, mention.start - 9) : mention.start]))
                behind = sentence.mentions[number + 1 : number + 2]
                _vote(text[mention.end : behind[0].start if behind else sentence.end], use)
    given = [[key_of(name) for name in (label, *more)] for label, more in overrides.aliases.items()]
    group = merge(uses, given)
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
    """Mentions of every entity, in order."""
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
    places: int,
) -> dict[str, str]:
    """Add nodes; return the id of every group of keys."""
    wanted = {key_of(name): name for name in overrides.aliases}
    known = {key_of(name): kind for name, kind in overrides.labels.items()}
    ids: dict[str, str] = {}
    for group, mentions in nodes.items():
        names = Counter(mention.text for mention in mentions)
        keys = {key_of(name) for name in names}
        label = next((wanted[key] for key in keys if key in wanted), None)
        label = label or _best_spelling(names)
        kind = next((known[key] for key in [*keys, key_of(label)] if key in known), kinds[group])
        ids[group] = label if label not in graph else f"{label} ({group})"
        graph.add_node(
            ids[group],
            label=label,
            type=kind,
            count=len(mentions),
            aliases=[name for name, _ in names.most_common()],
            mentions=[[m.start, m.end] for m in mentions[:places]],
        )
    return ids


def _best_spelling(names: Counter[str]) -> str:
    """The most frequent name; one in capitals, or over a line's end, only if there is no other."""
    flat: Counter[str] = Counter()
    for name, count in names.items():
        flat[" ".join(name.split())] += count
    calm = [name for name in flat if not (name.isupper() and len(name) > 4)]
    return max(calm or flat, key=lambda name: (flat[name], len(name)))


def _links(
    sentences: list[_Keyed], group: Mapping[str, str], ids: Mapping[str, str], args: EntityGraphArgs
) -> dict[_Pair, _Link]:
    """All pairs of entities that a sentence joins.

    A pair goes the way of its relations. Where a sentence only names two, it goes the way that the
    pair has elsewhere, or from the one named first.
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
            way = max(pair, back, key=lambda one: links[one].count)
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
        for (one, a), (other, b) in combinations(first.items(), 2):
            yield (one, other), (a, b)


def _window(
    sentence: Sentence, one: Mention, other: Mention, *, most: int
) -> tuple[int, int] | None:
    """The sentence, or the part of a long one around two mentions; None if they are far apart."""
    if sentence.end - sentence.start <= most:
        return sentence.start, sentence.end
    low, high = min(one.start, other.start), max(one.end, other.end)
    room = (most - (high - low)) // 2
    if room < 0:
        return None
    return max(sentence.start, low - room), min(sentence.end, high + room)


def _count(link: _Link, relation: str, said: bool, place: tuple[int, int]) -> None:
    link.count += 1
    link.relations[relation] += 1
    link.places.append((said, *place))


def _add_links(
    graph: "nx.DiGraph", links: Mapping[_Pair, _Link], text: str, args: EntityGraphArgs
) -> None:
    """Add the links; sentences that state a relation come first among the evidence."""
    for (source, target), link in links.items():
        said = [(name, count) for name, count in link.relations.most_common() if name != WITH]
        places = dict.fromkeys(place[1:] for place in sorted(link.places, key=lambda p: not p[0]))
        graph.add_edge(
            source,
            target,
            type=said[0][0] if said else WITH,
            count=link.count,
            relations=dict(link.relations.most_common()),
            evidence=[
                {"text": text[start:end], "start": start, "end": end}
                for start, end in [*places][: args.evidence]
            ],
        )
