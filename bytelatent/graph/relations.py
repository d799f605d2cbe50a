"""Relations between the entities of a sentence, from its dependency parse.

"Bingley danced with Jane" gives ``dance with``; "Lydia was seen by Denny" gives ``see`` from Denny
to Lydia; "Darcy is the nephew of Lady Catherine" gives ``nephew of``. "Bingley does not know
Wickham" gives ``not know``, "Darcy was robbed in London" gives ``be robbed in``, and "Elizabeth
refused to marry Darcy" gives ``refuse to marry``. The verb gives no relation between a speaker and
a name in the speech: ``"Dear Jane!" exclaimed Elizabeth`` gives nothing.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bytelatent.graph.mentions import Triple

if TYPE_CHECKING:
    from spacy.tokens import Span, Token

SUBJECTS = ("nsubj", "nsubjpass", "csubj", "csubjpass")
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
    subjects, passive = _all_of(_subjects(verb), owner), _is_passive(verb)
    agents = [
        number
        for child in verb.children
        if child.dep_ == "agent"
        for number in _named(child, owner, ("pobj",))
    ]
    action, name = _action(verb), _phrase(verb)
    for subject in agents if passive else subjects:
        for target in [*_named(verb, owner, OBJECTS), *(subjects if passive else [])]:
            yield Triple(subject, action if passive else name, target)
    for subject in subjects:
        yield from _by_preposition(subject, verb, name, owner)
        for noun in (child for child in verb.children if child.dep_ == "attr"):
            if noun.i in owner:
                yield Triple(subject, name if _governor(verb) else f"{_not(verb)}be", owner[noun.i])
            else:
                lead = f"{name} " if _governor(verb) else _not(verb)
                yield from _by_preposition(subject, noun, lead + noun.lemma_.lower(), owner)


def _phrase(verb: "Token", depth: int = _MOST) -> str:
    """Return a verb with those that govern it: "marry", "be robbed", "refuse to marry"."""
    own = f"be {verb.lower_}" if _is_passive(verb) else verb.lemma_.lower()
    governor = _governor(verb) if depth else None
    if governor is None:
        return _not(verb) + own
    infinitive = any(child.tag_ == "TO" for child in _leader(verb).children)
    inner = f"to {own}" if infinitive else verb.lower_
    return f"{_phrase(governor, depth - 1)} {_not(verb)}{inner}"


def _action(verb: "Token") -> str:
    """Return what the agent of a passive does: "see" for "was seen by"."""
    return _not(verb) + verb.lemma_.lower()


def _not(verb: "Token") -> str:
    denied = any(child.dep_ == "neg" for child in _leader(verb).children)
    return "not " if denied or any(child.dep_ == "neg" for child in verb.children) else ""


def _leader(verb: "Token") -> "Token":
    """Return the first of coordinated verbs that share auxiliaries: "was robbed and beaten"."""
    for _ in range(_MOST):
        own = any(child.dep_ in (*SUBJECTS, "aux", "auxpass") for child in verb.children)
        if verb.dep_ != "conj" or own or verb.tag_ not in ("VB", "VBN", "VBG"):
            break
        if verb.tag_ != verb.head.tag_:
            break
        verb = verb.head
    return verb


def _is_passive(verb: "Token") -> bool:
    """Return whether a verb is in the passive voice: "was robbed", "to be seen", "got hurt"."""
    kinds = ("nsubjpass", "csubjpass", "auxpass")
    return any(child.dep_ in kinds for child in _leader(verb).children)


def _governor(verb: "Token") -> "Token | None":
    """Return the verb of which a verb is the complement: "refused" for "refused to marry"."""
    leader = _leader(verb)
    return leader.head if leader.dep_ == "xcomp" and leader.head.pos_ in ("VERB", "AUX") else None


def _by_preposition(
    subject: int, head: "Token", name: str, owner: Mapping[int, int]
) -> Iterator[Triple]:
    for preposition in (child for child in head.children if child.dep_ in ("prep", "dative")):
        for target in _named(preposition, owner, ("pobj",)):
            yield Triple(subject, f"{name} {preposition.lower_}", target)


def _subjects(verb: "Token") -> list["Token"]:
    """Return the subjects of a verb, or those of the verb that it depends on.

    "Darcy asked Jane to marry Bingley" gives no subject of "marry": who marries whom is only asked.
    """
    if verb.dep_ == "ccomp" and any(child.tag_ == "TO" for child in verb.children):
        return []
    for _ in range(_MOST):
        subjects = [child for child in verb.children if child.dep_ in SUBJECTS]
        if subjects or verb.dep_ not in ("conj", "xcomp"):
            return subjects
        if verb.dep_ == "xcomp" and any(child.dep_ in OBJECTS for child in verb.head.children):
            return []
        verb = verb.head
    return []


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
