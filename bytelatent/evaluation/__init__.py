"""Measuring models on held-out text: scores, tables, model cards."""
