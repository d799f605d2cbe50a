"""Patches of training batches, from entropies that the data contain or that a model measures.

Legend: ``B`` rows, ``S`` bytes, ``P`` patches, ``V`` vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from bytelatent.data.batch import Batch
from bytelatent.data.packing import cut
from bytelatent.patching.entropies import entropy
from bytelatent.patching.patcher import Patcher
from bytelatent.training.args import TrainArgs
from bytelatent.transformer import LMTransformer

ROUND_PATCHES = 64
"""Rows are padded with empty patches to a multiple of this number: fewer shapes need fewer
compilations."""


class TrainingPatcher:
    """Patcher of training batches: it computes their patch lengths.

    Args:
        args: settings of a run that trains a BLT.
        device: device on which the entropies are measured.

    Attributes:
        in_loader: patcher that the loader uses; None if a model measures entropies during training.
    """

    def __init__(self, args: TrainArgs, device: torch.device) -> None:
        assert args.patcher is not None
        self.patcher, self.device = args.patcher.build(), device
        self.in_loader: Patcher | None = None if args.patcher_model else self.patcher
        if args.patcher_model:
            dtype = torch.bfloat16 if args.dtype == "bf16" else torch.float32
            model = LMTransformer.from_pretrained(args.patcher_model).to(device, dtype)
            self.model = model.requires_grad_(False)
            self.measure = torch.compile(self._measure) if args.compile else self._measure

    @classmethod
    def build(cls, args: TrainArgs, device: torch.device) -> "TrainingPatcher | None":
        """Build the patcher of the run; return None for a model without patches."""
        return None if args.patcher is None else cls(args, device)

    def __call__(self, batch: Batch) -> Tensor:
        """Return the patch lengths ``[B, P]`` of a batch; each row sums to ``S + 1``.

        Raises:
            ValueError: the data contain no entropies and there is no model to measure them.
        """
        lengths_BP = batch.patch_lengths_BP
        if lengths_BP is None:
            if self.in_loader is not None:
                raise ValueError(
                    f"patcher: mode {self.patcher.mode.value!r} needs entropies and the data have "
                    "none: write them ahead of time (python -m bytelatent.preprocess.entropies) "
                    "or name a patcher_model"
                )
            tokens_BS = batch.tokens_BS.to(self.device)
            with torch.no_grad():
                entropies_BS = self.measure(tokens_BS)
            next_B1 = batch.targets_BS[:, -1:].to(self.device)
            lengths_BP = cut(self.patcher, torch.cat([tokens_BS, next_B1], dim=1), entropies_BS)
        missing = -lengths_BP.shape[1] % ROUND_PATCHES
        return F.pad(lengths_BP, (0, missing))

    def _measure(self, tokens_BS: Tensor) -> Tensor:
        return entropy(self.model(tokens_BS))
