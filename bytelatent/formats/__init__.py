"""Checkpoints: the released layouts, where they are found and how they are read and written."""
