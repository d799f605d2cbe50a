"""Text from a model, byte by byte."""
