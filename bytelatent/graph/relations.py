"""Relations between the entities of a sentence, from its dependency parse.

"Bingley danced with Jane" gives ``dance with``; "Lydia was seen by Denny" gives ``see`` from Denny
to Lydia; "Darcy is the nephew of Lady Catherine" gives ``nephew of``. "Bingley does not know
Wickham" gives ``not know``. The verb gives no relation between a speaker and a name in the speech:
``"Dear Jane!" exclaimed Elizabeth`` gives nothing.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bytelatent.graph.mentions import Triple

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

SUBJECTS = ("nsubj", "nsubjpass", "csubj")
OBJECTS = ("dobj", "obj", "dative", "oprd")
QUOTES = frozenset('"“”„«»')
_MOST = 8
"""Maximum number of conjuncts, or of verbs in a chain, that are followed."""


def triples(sentence: "Span", owner: Mapping[int, int]) -> Iterator[Triple]:
    """Yield the relations between different mentions of a sentence.

    Args:
        sentence: a parsed sentence.
        owner: number of the mention that a token belongs to, by the token's index in its document.
    """
    seen: set[Triple] = set()
    speech = _speech(sentence, owner)
    for token in sentence:
        for triple in _of(token, owner):
            apart = speech.get(triple.subject) != speech.get(triple.object)
            if triple.subject != triple.object and not apart and triple not in seen:
                seen.add(triple)
                yield triple


def _speech(sentence: "Span", owner: Mapping[int, int]) -> dict[int, int]:
    """Count the quotation marks before each mention; mentions of one speech have one count."""
    quote_counts: dict[int, int] = {}
    quotes = 0
    for token in sentence:
        quotes += token.text in QUOTES
        if token.i in owner:
            quote_counts.setdefault(owner[token.i], quotes)
    return quote_counts


def _of(token: "Token", owner: Mapping[int, int]) -> Iterator[Triple]:
    if token.pos_ in ("VERB", "AUX"):
        yield from _of_verb(token, owner)
    elif token.dep_ == "poss" and token.i in owner:
        # "Darcy's sister Georgiana", "Georgiana, Darcy's sister"
        for other in [*_named(token.head, owner, ("appos",)), *_head_of_apposition(token, owner)]:
            yield Triple(other, f"{token.head.lemma_.lower()} of", owner[token.i])


def _of_verb(verb: "Token", owner: Mapping[int, int]) -> Iterator[Triple]:
    active, passive = _subjects(verb, owner)
    agents = [
        number
        for child in verb.children
        if child.dep_ == "agent"
        for number in _named(child, owner, ("pobj",))
    ]
    name = f"not {verb.lemma_.lower()}" if _is_denied(verb) else verb.lemma_.lower()
    for subject in [*active, *agents]:
        for target in [*_named(verb, owner, OBJECTS), *(passive if subject in agents else [])]:
            yield Triple(subject, name, target)
    for subject in [*active, *passive]:
        yield from _by_preposition(subject, verb, name, owner)
        for noun in (child for child in verb.children if child.dep_ == "attr"):
            denied = "not " if _is_denied(verb) else ""
            if noun.i in owner:
                yield Triple(subject, f"{denied}be", owner[noun.i])
            else:
                yield from _by_preposition(subject, noun, denied + noun.lemma_.lower(), owner)


def _by_preposition(
    subject: int, head: "Token", name: str, owner: Mapping[int, int]
) -> Iterator[Triple]:
    for preposition in (child for child in head.children if child.dep_ in ("prep", "dative")):
        for target in _named(preposition, owner, ("pobj",)):
            yield Triple(subject, f"{name} {preposition.lower_}", target)


def _subjects(verb: "Token", owner: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """Return the active and the passive subjects of a verb, or those of the verb it depends on."""
    for _ in range(_MOST):
        subjects = [child for child in verb.children if child.dep_ in SUBJECTS]
        if subjects or verb.dep_ not in ("conj", "xcomp"):
            active = [child for child in subjects if child.dep_ != "nsubjpass"]
            passive = [child for child in subjects if child.dep_ == "nsubjpass"]
            return _all_of(active, owner), _all_of(passive, owner)
        verb = verb.head
    return [], []


def _is_denied(verb: "Token") -> bool:
    """Return whether a verb is negated: "did not marry", "did not want to marry", "never met"."""
    for _ in range(_MOST):
        if any(child.dep_ == "neg" for child in verb.children):
            return True
        if verb.dep_ != "xcomp":
            return False
        verb = verb.head
    return False


def _named(head: "Token", owner: Mapping[int, int], kinds: tuple[str, ...]) -> list[int]:
    return _all_of([child for child in head.children if child.dep_ in kinds], owner)


def _all_of(tokens: list["Token"], owner: Mapping[int, int]) -> list[int]:
    """Return the mentions of tokens and of the conjuncts that "and" joins to them."""
    mentions: list[int] = []
    queue = list(tokens)
    while queue and len(mentions) < _MOST:
        token = queue.pop(0)
        if token.i in owner:
            mentions.append(owner[token.i])
        queue.extend(child for child in token.children if child.dep_ == "conj")
    return list(dict.fromkeys(mentions))


def _head_of_apposition(token: "Token", owner: Mapping[int, int]) -> list[int]:
    noun = token.head
    return [owner[noun.head.i]] if noun.dep_ == "appos" and noun.head.i in owner else []
