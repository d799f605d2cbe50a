"""Token ids of the byte vocabulary of all released BLT checkpoints.

The four special ids come first, then the 256 byte values: byte ``b`` has the id ``b + OFFSET``.
"""

from typing import Final

BOE_ID: Final = 0
"""Id of BOE, beginning of example (reserved by the released vocabulary)."""
BOS_ID: Final = 1
"""Id of BOS, beginning of a document; every prompt starts with BOS."""
EOS_ID: Final = 2
"""Id of EOS, end of a document; attention does not cross EOS."""
PAD_ID: Final = 3
"""Id of PAD, padding; also the delimiter of BPE patching, which never pads inside a row."""
BPE_DELIMITER_ID: Final = PAD_ID
OFFSET: Final = 4
"""Difference of the id and the value of a byte."""
BYTE_VALUES: Final = 256
VOCAB_SIZE: Final = OFFSET + BYTE_VALUES

SPECIAL_NAMES: Final = {BOE_ID: "BOE", BOS_ID: "BOS", EOS_ID: "EOS", PAD_ID: "PAD"}
