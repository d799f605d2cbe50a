"""Stored files that pages read: the catalogue, figures, examples, languages, the scaling study."""
