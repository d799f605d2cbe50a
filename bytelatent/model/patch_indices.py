"""Patch indices of bytes, computed from patch lengths, and pooling of byte states into patches.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches of the global transformer, ``D`` width.

Patch lengths include the next, unseen byte, so they sum to ``S + 1``. The *encoder patch* of byte
``j`` is the patch that contains byte ``j``. The *decoder patch* of byte ``j`` is the latest patch
that is complete when byte ``j + 1`` is predicted: the patch before the one that contains byte
``j + 1``. The decoder patch of the last byte of a patch is therefore the patch itself; that of
every other byte is the patch before:

    bytes            BOS t h e        lengths 1, 1, 2, 1  (the unseen byte is a patch of its own)
    encoder patch    0   1 2 2        the last patch holds no byte yet and is never used
    decoder patch    0   1 1 2

The first patch of a row also contains the padding in front of the text, so that padding on the left
does not change the other patches.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bytelatent.architecture.blt_args import Pooling


@dataclass(frozen=True)
class PatchLayout:
    """Patch indices of every byte.

    Attributes:
        encoder_BS: index of the encoder patch; ``count`` or more for bytes without one.
        decoder_BS: index of the decoder patch, from which the next byte is predicted.
        count: ``P``, number of patches; rows with fewer patches have empty patches at the end.
    """

    encoder_BS: Tensor
    decoder_BS: Tensor
    count: int

    @classmethod
    def from_lengths(
        cls, lengths: Tensor, size: int, padding_B: Tensor | None = None
    ) -> "PatchLayout":
        """Compute the patch indices of rows of ``size`` bytes from patch lengths.

        Args:
            lengths: patch lengths ``[B, ...]``.
            size: ``S``, number of bytes of a row.
            padding_B: number of PAD that were moved from the beginning of each row to its end (see
                :mod:`bytelatent.model.padding`). The length of the first patch includes them, but
                they belong to no patch.

        Raises:
            ValueError: lengths are negative, have holes, do not sum to ``size + 1``, or a first
                patch does not have one byte besides padding.
        """
        check_lengths(lengths, size, padding_B)
        rows, count = lengths.shape[0], max(1, lengths.shape[1] - 1)
        ends = lengths.cumsum(dim=1)
        ends = ends if padding_B is None else ends - padding_B[:, None]
        positions = torch.arange(size + 1, device=lengths.device).expand(rows, -1).contiguous()
        patch = torch.searchsorted(ends.contiguous(), positions, right=True)
        before = patch[:, 1:] - 1
        before = before if padding_B is None else before.clamp(max=count - 1)
        return cls(patch[:, :-1], before, count)


def check_lengths(lengths: Tensor, size: int, padding_B: Tensor | None = None) -> None:
    """Check that patch lengths describe rows of ``size`` bytes and the next byte.

    Compiled code checks only the number of dimensions, not the values.

    Args:
        lengths: patch lengths ``[B, ...]``.
        size: ``S``, number of bytes of a row.
        padding_B: number of PAD in front of the text of each row; None for no PAD.

    Raises:
        ValueError: the lengths are wrong; the message says in which row and how.
    """
    if lengths.dim() != 2:
        raise ValueError(f"patch_lengths must be [rows, patches], got {tuple(lengths.shape)}")
    if torch.compiler.is_compiling():
        return
    if bool((lengths < 0).any()):
        raise ValueError("patch_lengths must not be negative")
    if bool(((lengths[:, 1:] > 0) & (lengths[:, :-1] == 0)).any()):
        raise ValueError("patch_lengths have a hole: zeros may only fill up the end of a row")
    sums = lengths.sum(dim=1)
    if bool((sums != size + 1).any()):
        row = int((sums != size + 1).nonzero()[0])
        raise ValueError(
            f"patch_lengths of row {row} sum to {int(sums[row])}, not to {size + 1} "
            f"({size} tokens and the next one)"
        )
    first_B = lengths[:, 0] if padding_B is None else lengths[:, 0] - padding_B
    if bool((first_B != 1).any()):
        raise ValueError(
            "the first patch of every row must hold one token (BOS) and the padding before it"
        )


def pool(x_BSD: Tensor, patch_BS: Tensor, count: int, how: Pooling) -> Tensor:
    """Pool the byte states of each patch by maximum, minimum or mean, ``[B, P, D]``.

    The result of an empty patch is zero.

    Args:
        x_BSD: byte states.
        patch_BS: index of the patch of each byte; bytes with ``count`` or more are ignored.
        count: ``P``, number of patches.
        how: pooling function.
    """
    rows, _, width = x_BSD.shape
    patch_BS = patch_BS.clamp(max=count)
    index = patch_BS[..., None].expand(-1, -1, width)
    reduce, first = {
        "max": ("amax", -torch.inf),
        "min": ("amin", torch.inf),
        "avg": ("mean", 0.0),
    }[how]
    # torch shares the gradient of a maximum with the first value where the two are equal, although
    # that value does not count: so it must be one that no byte has.
    out = x_BSD.new_full((rows, count + 1, width), first)
    out = out.scatter_reduce(1, index, x_BSD, reduce, include_self=False)
    empty_BP = torch.ones_like(out[..., 0], dtype=torch.bool).scatter(1, patch_BS, False)
    return out.masked_fill(empty_BP[..., None], 0)[:, :count]


def concatenate(x_BSD: Tensor, layout: PatchLayout, slots: int) -> Tensor:
    """Concatenate the byte states of each patch, ``[B, P, slots * D]``; zeros fill shorter patches.

    Args:
        x_BSD: byte states.
        layout: patch of every byte.
        slots: number of bytes that the vector of a patch has room for.

    Raises:
        ValueError: a patch holds more than ``slots`` bytes.
    """
    rows, size, width = x_BSD.shape
    patch_BS = layout.encoder_BS.clamp(max=layout.count)
    begins = torch.searchsorted(patch_BS.contiguous(), patch_BS.contiguous())
    slot_BS = torch.arange(size, device=x_BSD.device) - begins
    slot_BS = slot_BS.masked_fill(patch_BS == layout.count, 0)  # bytes without a patch
    longest = int(slot_BS.max()) + 1 if size else 0
    check_room(longest, slots)
    index = (patch_BS * slots + slot_BS)[..., None].expand(-1, -1, width)
    out = x_BSD.new_zeros(rows, (layout.count + 1) * slots, width).scatter(1, index, x_BSD)
    return out[:, : layout.count * slots].reshape(rows, layout.count, slots * width)


def check_room(size: int, slots: int) -> None:
    """Check that a patch of ``size`` bytes fits into a vector with room for ``slots`` bytes.

    Raises:
        ValueError: the patch has too many bytes; the message says how many.
    """
    if size > slots:
        raise ValueError(
            f"patch_lengths: a patch holds {size} bytes, concatenation has room for {slots}"
        )


def first_bytes(x_SD: Tensor, own_S: Tensor, slots: int) -> Tensor:
    """Concatenate the byte states of one patch, ``[slots * D]``; zeros fill a shorter patch.

    Args:
        x_SD: byte states.
        own_S: whether each byte belongs to the patch; its bytes come first, at most ``slots``.
        slots: number of bytes that the vector of a patch has room for.
    """
    x_SD = torch.where(own_S[:, None], x_SD, 0.0)[:slots]
    return F.pad(x_SD, (0, 0, 0, slots - x_SD.shape[0])).flatten()


def patch_documents(tokens_BS: Tensor, layout: PatchLayout, eos_id: int) -> Tensor:
    """Return the document number of every patch, ``[B, P]``.

    A patch that contains an EOS is the last patch of its document.
    """
    ends_BS = (tokens_BS == eos_id).to(torch.int64)
    ended = torch.zeros(
        tokens_BS.shape[0], layout.count + 1, dtype=torch.int64, device=tokens_BS.device
    )
    ended = ended.scatter_reduce(1, layout.encoder_BS.clamp(max=layout.count), ends_BS, "amax")
    ended = ended[:, : layout.count]
    return ended.cumsum(dim=1) - ended
