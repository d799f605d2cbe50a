"""Patching rules of BLT as pure functions of token ids and entropies.

The functions accept numpy arrays and torch tensors (array API standard) and import neither library.

Legend: ``B`` rows, ``S`` tokens of a row (BOS included), ``P`` patches.

Every rule returns a mask of patch starts ``[B, S + 1]``. Position ``S`` is the next, unseen byte:
whether it starts a patch is known before it is drawn. Positions 0 (BOS) and 1 (the first byte)
always start a patch, so the first patch has one token. Entropies are in nats and shifted:
``entropies[b, i]`` belongs to the prediction of token ``i + 1``. An example with threshold 1:

    tokens      BOS  t   h   e            (S = 4)
    entropies   3.1  2.0 0.4 1.7          position i predicts token i + 1
    starts      1    1   1   0   1        "h" starts: 2.0 > 1; "e" does not: 0.4; the next byte does
    lengths     1, 1, 2, 1                they sum to S + 1

All rules but top-k are incremental (BLT paper, section 2.3): the starts of a prefix are a prefix of
the starts. The result of a row does not depend on other rows.

A row may be padded with PAD in front of BOS or at its end. :func:`patch_starts` returns the same
patches of the text as without padding; PAD in front of the text belong to the first patch:

    tokens      PAD PAD BOS  t   h   e    starts  1 0 0 1 1 0 1    lengths  3, 1, 2, 1
"""

from bytelatent.patching.rules.apply import patch_starts, split_long
from bytelatent.patching.rules.arrays import Array
from bytelatent.patching.rules.boundary_state import BoundaryState
from bytelatent.patching.rules.lengths import lengths_from_starts, starts_from_lengths
from bytelatent.patching.rules.rule_records import (
    COMPARED_RULES,
    ENTROPY_MODES,
    RULES,
    RULES_OF_TEXT,
    PatchingMode,
    Rule,
    RuleOptions,
    check_options,
    rule_of,
    rules_of,
)

__all__ = [
    "COMPARED_RULES",
    "ENTROPY_MODES",
    "RULES",
    "RULES_OF_TEXT",
    "Array",
    "BoundaryState",
    "PatchingMode",
    "Rule",
    "RuleOptions",
    "check_options",
    "lengths_from_starts",
    "patch_starts",
    "rule_of",
    "rules_of",
    "split_long",
    "starts_from_lengths",
]
