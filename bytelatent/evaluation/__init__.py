"""Evaluation of models on held-out text: scores, tables and model cards."""
