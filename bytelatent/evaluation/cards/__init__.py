"""Model cards: Markdown pages about released models, made from measured facts."""

from bytelatent.evaluation.cards.facts import PROSE, Release, measured_prose, unknown_sources
from bytelatent.evaluation.cards.page import card

__all__ = ["PROSE", "Release", "card", "measured_prose", "unknown_sources"]
