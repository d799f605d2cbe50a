"""Preprocessing of text, done once before training."""
