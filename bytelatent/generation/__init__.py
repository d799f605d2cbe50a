"""Generation of text by a BLT, byte by byte."""
