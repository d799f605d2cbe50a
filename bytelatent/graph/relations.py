"""Relations between the entities of a sentence, read off its dependencies.

"Bingley danced with Jane" gives ``dance with``; "Lydia was seen by Denny" gives ``see`` from Denny
to Lydia; "Darcy is the nephew of Lady Catherine" gives ``nephew of``. "Bingley does not know
Wickham" gives ``not know``. A speaker and a name in their speech are not related by the verb:
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
"""Nodes of a conjunction, or verbs in a chain, that are followed."""


def triples(sentence: "Span", owner: Mapping[int, int]) -> Iterator[Triple]:
    """The relations of a sentence between different mentions.

    Args:
        sentence: parsed.
        owner: the mention that a token belongs to, by the token's number in its document.
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
    """How many quotation marks stand before each mention: the same number in a piece of speech."""
    found: dict[int, int] = {}
    quotes = 0
    for token in sentence:
        quotes += token.text in QUOTES
        if token.i in owner:
            found.setdefault(owner[token.i], quotes)
    return found


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
    """Who does it and to whom it is done; a verb without a subject has that of the one before."""
    for _ in range(_MOST):
        found = [child for child in verb.children if child.dep_ in SUBJECTS]
        if found or verb.dep_ not in ("conj", "xcomp"):
            active = [child for child in found if child.dep_ != "nsubjpass"]
            passive = [child for child in found if child.dep_ == "nsubjpass"]
            return _all_of(active, owner), _all_of(passive, owner)
        verb = verb.head
    return [], []


def _is_denied(verb: "Token") -> bool:
    """Whether it is said not to be so: "did not marry", "did not want to marry", "never met"."""
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
    """Mentions of tokens and of what "and" joins to them."""
    found: list[int] = []
    queue = list(tokens)
    while queue and len(found) < _MOST:
        token = queue.pop(0)
        if token.i in owner:
            found.append(owner[token.i])
        queue.extend(child for child in token.children if child.dep_ == "conj")
    return list(dict.fromkeys(found))


def _head_of_apposition(token: "Token", owner: Mapping[int, int]) -> list[int]:
    noun = token.head
    return [owner[noun.head.i]] if noun.dep_ == "appos" and noun.head.i in owner else []
