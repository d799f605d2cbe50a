"""From patch lengths to who belongs to whom, and bytes pooled into patches.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches the model runs on, ``D`` width.

Lengths count the next, unseen byte and so sum to ``S + 1``. The byte at position ``j`` is read
into the patch it lies in, and predicted from the latest patch that is complete when the byte after
it is due: the patch before the one that ``j + 1`` lies in. The last byte of a patch therefore uses
its own patch, every other byte the one before:

    bytes            BOS t h e        lengths 1, 1, 2, 1  (the unseen byte is a patch of its own)
    encoder patch    0   1 2 2        the last patch holds no byte yet and is never used
    decoder patch    0   1 1 2

The first patch of a row also holds the padding in front of its text, so that rows padded on the
left have the patches that they have alone.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bytelatent.architecture.blt_args import Pooling


@dataclass(frozen=True)
class PatchLayout:
    """Which patch every byte belongs to.

    Attributes:
        encoder_BS: patch a byte is read into; ``count`` or more for bytes that are read into none.
        decoder_BS: patch a byte is predicted from.
        count: ``P``; rows with fewer patches have empty ones at the end.
    """

    encoder_BS: Tensor
    decoder_BS: Tensor
    count: int

    @classmethod
    def from_lengths(
        cls, lengths: Tensor, size: int, padding_B: Tensor | None = None
    ) -> "PatchLayout":
        """The layout of patch lengths for rows of ``size`` bytes.

        Args:
            lengths: ``[B, ...]``.
            size: ``S``.
            padding_B: how many PAD stood in front of each row's text and stand at its end now (see
                :mod:`bytelatent.model.padding`): they are counted in the first patch, and belong
                to none.

        Raises:
            ValueError: lengths are negative, have holes, do not sum to ``size + 1``, or a first
                patch does not have one byte besides padding.
        """
        check_lengths(lengths, size, padding_B)
        rows, count = lengths.shape[0], max(1, lengths.shape[1] - 1)
        ends = lengths.cumsum(dim=1)
        ends = ends if padding_B is None else ends - padding_B[:, None]
        places = torch.arange(size + 1, device=lengths.device).expand(rows, -1).contiguous()
        patch = torch.searchsorted(ends.contiguous(), places, right=True)
        before = patch[:, 1:] - 1
        before = before if padding_B is None else before.clamp(max=count - 1)
        return cls(patch[:, :-1], before, count)


def check_lengths(lengths: Tensor, size: int, padding_B: Tensor | None = None) -> None:
    """Refuse patch lengths that do not describe rows of ``size`` bytes and the next one.

    ``padding_B`` is how many PAD stand in front of each row's text.

    Values are not looked at while compiling.

    Raises:
        ValueError: says which row is wrong and how.
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
    """Largest, smallest or mean byte vector of each patch, ``[B, P, D]``; zero for empty ones.

    Bytes of patch ``count`` and later are left out.
    """
    rows, _, width = x_BSD.shape
    index = patch_BS.clamp(max=count)[..., None].expand(-1, -1, width)
    out = x_BSD.new_zeros(rows, count + 1, width)
    reduce = {"max": "amax", "min": "amin", "avg": "mean"}[how]
    return out.scatter_reduce(1, index, x_BSD, reduce, include_self=False)[:, :count]


def concatenate(x_BSD: Tensor, layout: PatchLayout, slots: int) -> Tensor:
    """The bytes of each patch side by side, ``[B, P, slots * D]``, zeros where it is shorter.

    Raises:
        ValueError: a patch holds more than ``slots`` bytes.
    """
    rows, size, width = x_BSD.shape
    patch_BS = layout.encoder_BS.clamp(max=layout.count)
    begins = torch.searchsorted(patch_BS.contiguous(), patch_BS.contiguous())
    slot_BS = torch.arange(size, device=x_BSD.device) - begins
    slot_BS = slot_BS.masked_fill(patch_BS == layout.count, 0)  # nobody reads these
    longest = int(slot_BS.max()) + 1 if size else 0
    check_room(longest, slots)
    index = (patch_BS * slots + slot_BS)[..., None].expand(-1, -1, width)
    out = x_BSD.new_zeros(rows, (layout.count + 1) * slots, width).scatter(1, index, x_BSD)
    return out[:, : layout.count * slots].reshape(rows, layout.count, slots * width)


def check_room(size: int, slots: int) -> None:
    """Refuse a patch of more bytes than can stand side by side.

    Raises:
        ValueError: says how many it has.
    """
    if size > slots:
        raise ValueError(
            f"patch_lengths: a patch holds {size} bytes, concatenation has room for {slots}"
        )


def first_bytes(x_SD: Tensor, own_S: Tensor, slots: int) -> Tensor:
    """The bytes of one patch side by side, ``[slots * D]``, zeros where it is shorter.

    ``own_S`` says which are its bytes: some at the beginning, no more than ``slots``.
    """
    x_SD = torch.where(own_S[:, None], x_SD, 0.0)[:slots]
    return F.pad(x_SD, (0, 0, 0, slots - x_SD.shape[0])).flatten()


def patch_documents(tokens_BS: Tensor, layout: PatchLayout, eos_id: int) -> Tensor:
    """Document of every patch, ``[B, P]``: a patch that holds an EOS ends its document."""
    ends_BS = (tokens_BS == eos_id).to(torch.int64)
    ended = torch.zeros(
        tokens_BS.shape[0], layout.count + 1, dtype=torch.int64, device=tokens_BS.device
    )
    ended = ended.scatter_reduce(1, layout.encoder_BS.clamp(max=layout.count), ends_BS, "amax")
    ended = ended[:, : layout.count]
    return ended.cumsum(dim=1) - ended
