"""Model cards: facts go in, Markdown comes out."""

from bytelatent.evaluation.cards.facts import PROSE, Release, measured_prose, unknown_sources
from bytelatent.evaluation.cards.page import card

__all__ = ["PROSE", "Release", "card", "measured_prose", "unknown_sources"]
