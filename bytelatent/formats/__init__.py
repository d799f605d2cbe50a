"""Checkpoints: finding model folders, and reading and writing the released layouts."""
