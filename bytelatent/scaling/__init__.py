"""Families of models trained with equal compute on equal data, and what comes of it."""
