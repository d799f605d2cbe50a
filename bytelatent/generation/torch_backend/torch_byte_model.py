"""The torch implementation of the interface :mod:`bytelatent.generation.byte_model`.

Legend: ``R`` rows that advance, ``S`` bytes, ``P`` patches, ``D`` local width, ``V`` vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bytelatent.generation.torch_backend.incremental import Incremental
from bytelatent.generation.torch_backend.prefill import prefill
from bytelatent.generation.torch_backend.rows import Latent, TorchRow
from bytelatent.patching.entropies import entropy


class TorchModel:
    """A torch model for runs: steps of one byte, and drafting and verification of several.

    Args:
        model: the steps of one byte per row.
    """

    def __init__(self, model: Incremental) -> None:
        self.model, self.boundaries = model, model.boundaries
        self.vocab_size, self.eos_id = model.args.vocab_size, model.args.eos_id
        self.patch_bytes = model.args.patch_bytes
        stacks = (model.encoder, model.decoder, model.entropies)
        windows = [stack.window for stack in stacks if stack is not None and stack.window]
        self.longest_draft = min(windows)

    def inference_context(self) -> AbstractContextManager[Any]:
        """Return torch's inference mode; caches created in it can only be changed in it."""
        return torch.inference_mode()

    def stacked(self, logits: Sequence[Tensor]) -> NDArray[np.float32]:
        """Stack the logits of several rows into one array ``[R, V]``."""
        logits_RV: NDArray[np.float32] = torch.stack(list(logits)).float().cpu().numpy()
        return logits_RV

    def prefill(self, tokens: Sequence[int]) -> TorchRow:
        """Run the model over a prompt, BOS first; see :func:`.prefill.prefill`."""
        return prefill(self.model, tokens)

    def prefill_parts(self, tokens: Sequence[int]) -> Iterator[TorchRow | None]:
        """Yield the row after the whole prompt, which is one part."""
        yield self.prefill(tokens)

    def step(self, rows: Sequence[TorchRow], tokens: Sequence[int]) -> None:
        """Advance each row by its next token; see :meth:`.incremental.Incremental.step`."""
        self.model.step(rows, tokens)

    def measure(
        self, row: TorchRow, tokens: Sequence[int], before: Sequence[int]
    ) -> list[float | None]:
        """Run the entropy model; return the entropy in nats after each token, or None for each."""
        lm, stack = self.model.entropy_model, self.model.entropies
        if lm is None or stack is None or row.entropy_cache is None:
            return [None] * len(tokens)
        whole, first = [*before, *tokens], len(before) + 1
        ends = range(first, first + len(tokens))
        h_SD = torch.stack(
            [lm.embed_next(whole[max(0, end - lm.longest_ngram) : end]) for end in ends]
        )
        h_SD = stack.chunk(h_SD, row.entropy_cache)
        entropies: list[float | None] = entropy(self.model.entropy_output(h_SD)).tolist()
        return entropies

    def draft(self, row: TorchRow, token: int) -> tuple[Tensor, Tensor]:
        """Run encoder and decoder over ``token``; return state ``[1, D]`` and logits ``[V]``."""
        self.model.take(row, token)
        state_1D = self.model.encode([row])
        logits_V = self.model.predict([row], state_1D)[0]
        return self.model.kept(state_1D), self.model.kept(logits_V)

    def encode_patches(self, row: TorchRow, edges: Sequence[int]) -> list[Latent]:
        """Run the global transformer over the patches in ``edges``; return their ``P`` latents."""
        model, states = self.model, row.open_patch.states()
        patches = [
            model.blt.local_encoder.read_patch([h_SD[begin:end] for h_SD in states])
            for begin, end in pairwise(edges)
        ]
        h_PG = model.blt.global_transformer.project_in(torch.cat(patches))
        h_PG = model.globals.chunk(h_PG, row.global_cache)
        return [model.latent(h_G) for h_G in h_PG.unbind(0)]

    def decode(
        self, row: TorchRow, states: Sequence[Tensor], latents: Sequence[Latent]
    ) -> Sequence[Tensor]:
        """Run the decoder over states from :meth:`draft`, each with its latent; return logits."""
        step = self.model.decoder.begin_chunk(row.decoder_cache, len(states))
        return self.model.decode(torch.cat(list(states)), latents, step).unbind(0)

    def keep(self, row: TorchRow, begin: int, end: int) -> None:
        """Keep only the bytes ``begin`` to ``end`` (exclusive) of the open patch."""
        patch = row.open_patch
        patch.fill([h_SD[begin:end] for h_SD in patch.states()])
