"""Model cards: facts go in, Markdown comes out."""

from bytelatent.cards.facts import PROSE, Release, measured_prose, unknown_sources
from bytelatent.cards.page import card

__all__ = ["PROSE", "Release", "card", "measured_prose", "unknown_sources"]
