"""Turning text into ids and back: bytes first, other vocabularies beside them."""
