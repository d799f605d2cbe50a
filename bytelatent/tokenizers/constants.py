"""Token ids of the byte vocabulary, as every released BLT checkpoint expects them.

Four special ids come first, then the 256 byte values: byte ``b`` has id ``b + OFFSET``.
"""

from typing import Final

BOE_ID: Final = 0
"""Beginning of example (reserved by the released vocabulary)."""
BOS_ID: Final = 1
"""Beginning of a document; every prompt starts with it."""
EOS_ID: Final = 2
"""End of a document; attention never looks back across it."""
PAD_ID: Final = 3
"""Padding; also the delimiter of BPE patching, which never pads inside a row."""
BPE_DELIMITER_ID: Final = PAD_ID
OFFSET: Final = 4
"""Added to a byte's value to get its id."""
BYTE_VALUES: Final = 256
VOCAB_SIZE: Final = OFFSET + BYTE_VALUES

SPECIAL_NAMES: Final = {BOE_ID: "BOE", BOS_ID: "BOS", EOS_ID: "EOS", PAD_ID: "PAD"}
