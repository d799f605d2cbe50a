"""Stored files as pages read them: the catalogue, figures, examples, languages, the study."""
