"""Patching rules that look at tokens alone: each for whole rows, and token by token.

Legend: ``B`` rows, ``S`` tokens of a row (BOS included). Functions of whole rows return a mask of
patch starts ``[B, S + 1]``, as :mod:`bytelatent.patching.rules` describes it.
"""

from array_api_compat import array_namespace, device

from bytelatent.patching.rules.arrays import Array, positions, with_forced_starts
from bytelatent.patching.rules.boundary_state import BoundaryState, Step
from bytelatent.tokenizers.constants import BPE_DELIMITER_ID, OFFSET


def space_starts(tokens: Array) -> Array:
    """Return patch starts ``[B, S + 1]`` of ids ``[B, S]`` by the space rule.

    The rule is that of SpaceByte (arXiv 2404.14408): a patch ends after a space-like byte that
    follows a byte of another kind. A byte is space-like if it is neither an ASCII letter or digit
    nor a UTF-8 continuation byte, so a new patch starts at the first byte of a word. Special tokens
    end a patch too.
    """
    xp = array_namespace(tokens)
    byte = tokens - OFFSET
    letter = ((byte >= 0x41) & (byte <= 0x5A)) | ((byte >= 0x61) & (byte <= 0x7A))
    digit = (byte >= 0x30) & (byte <= 0x39)
    continuation = (byte >= 0x80) & (byte < 0xC0)
    spacelike = ~(letter | digit | continuation)
    before = xp.concat([xp.zeros_like(spacelike[:, :1]), spacelike[:, :-1]], axis=1)
    return with_forced_starts((spacelike & ~before) | (byte < 0))


def space_step(state: BoundaryState, token: int, entropy: float) -> bool:
    """Return whether a patch ends with ``token`` by the space rule.

    The state remembers whether the last token was space-like.
    """
    byte, before = token - OFFSET, bool(state.memory)
    word = 0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A
    spacelike = not (word or 0x80 <= byte < 0xC0)
    state.memory = int(spacelike)
    return (spacelike and not before) or byte < 0


def static_starts(tokens: Array, patch_size: int) -> Array:
    """Return patch starts ``[B, S + 1]`` of ids ``[B, S]`` by the static rule (MegaByte).

    After BOS each patch has ``patch_size`` bytes.
    """
    return with_forced_starts(positions(tokens) % patch_size == 0)


def static_step(patch_size: int) -> Step:
    """Return the static rule token by token: ``patch_size`` bytes each after BOS."""
    return lambda state, token, entropy: state.position % patch_size == 0


def byte_starts(tokens: Array) -> Array:
    """Return patch starts ``[B, S + 1]`` of ids ``[B, S]``: every byte is a patch (byte rule)."""
    xp = array_namespace(tokens)
    return with_forced_starts(xp.ones(tokens.shape, dtype=xp.bool, device=device(tokens)))


def byte_step(state: BoundaryState, token: int, entropy: float) -> bool:
    """Return True: by the byte rule a patch ends with every token."""
    return True


def bpe_delimiter_starts(tokens: Array, delimiter_id: int = BPE_DELIMITER_ID) -> Array:
    """Return patch starts ``[B, S + 1]`` of ids ``[B, S]`` by the BPE rule.

    A patch ends with every delimiter token, which a BPE tokenizer puts between its tokens.
    """
    return with_forced_starts(tokens == delimiter_id)


def bpe_delimiter_step(delimiter_id: int = BPE_DELIMITER_ID) -> Step:
    """Return the BPE rule token by token: a patch ends with every delimiter token."""
    return lambda state, token, entropy: token == delimiter_id
