"""Scaling study: families of models, trained with equal compute on equal data."""
