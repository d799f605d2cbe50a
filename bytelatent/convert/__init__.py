"""Conversion of models between the released layouts and the format of ``transformers``."""
