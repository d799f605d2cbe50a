"""Tokenizers: text to token ids and back, with byte, BPE and word vocabularies."""
