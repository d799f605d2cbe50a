"""Entropy model: a small causal byte language model that measures next-byte entropies.

The model has these properties:

- a byte attends to the last ``sliding_window`` bytes of its own document; without the window, the
  patches of rows longer than 512 bytes are wrong;
- hash n-gram embeddings, if there are any, are added to the embedding of the byte at which the
  n-gram ends; as in the BLT, n-grams are not cut at the end of a document;
- rotary embeddings are interleaved, RMSNorm precedes attention and SwiGLU, and there are no biases;
- ``forward`` runs whole rows, ``forward_chunk`` runs texts of any length in constant memory: a
  chunk attends to the keys and values of the window before it, so the result is that of the whole
  text.

Legend: ``L`` layers, ``B`` rows, ``S`` bytes, ``T`` keys, ``W`` bytes of the window, ``R`` bytes
before a chunk that n-grams include, ``D`` width, ``G`` key/value heads, ``E`` head width, ``V``
vocabulary.
"""

from typing import ClassVar, NamedTuple, cast

import torch
from torch import Generator, Tensor, nn

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.formats.released import LM_KIND
from bytelatent.model.attention import AttentionImpl, document_numbers, plan_attention
from bytelatent.model.attention_band import PADDING_DOCUMENT
from bytelatent.model.embedding import EmbedsBytes, hash_tables
from bytelatent.model.init import init_block, truncated_normal
from bytelatent.model.layers import KeyValue, TransformerBlock, check_tokens, rotary_table
from bytelatent.model.padding import leading_padding, rolled


class LMState(NamedTuple):
    """State of the text before a chunk.

    Attributes:
        keys_LBWGE, values_LBWGE: keys (before rotation) and values of the last ``W`` bytes, or of
            all bytes of a shorter text.
        documents_BW: 0 for bytes in the document of the next byte, ``-1`` for bytes of older
            documents.
        recent_BR: the last ids: one fewer than the longest n-gram has, or all ids of a shorter
            text; no ids for a model without hash n-grams.
    """

    keys_LBWGE: Tensor
    values_LBWGE: Tensor
    documents_BW: Tensor
    recent_BR: Tensor


class LMTransformer(EmbedsBytes):
    """Causal byte language model with next-byte logits (BLT paper, section 2.2)."""

    kind = LM_KIND
    summary = (
        "A byte-level language model that measures next-byte entropies, for cutting text into "
        "patches (Byte Latent Transformer, arXiv 2412.09871)."
    )
    shared: ClassVar[dict[str, str]] = {"output.weight": "tok_embeddings.weight"}
    args: LMTransformerArgs

    def __init__(self, args: LMTransformerArgs) -> None:
        super().__init__(args)
        self.tok_embeddings = nn.Embedding(args.vocab_size, args.dim)
        self.hash_tok_embedding = hash_tables(args.hashes, args.dim)
        self.layers = nn.ModuleList(TransformerBlock(args) for _ in range(args.n_layers))
        self.norm = nn.RMSNorm(args.dim, eps=args.norm_eps)
        if not args.weight_tying:
            self.output = nn.Linear(args.dim, args.vocab_size, bias=False)

    def forward(self, tokens_BS: Tensor, *, impl: AttentionImpl = "auto") -> Tensor:
        """Return next-byte logits ``[B, S, V]``; position ``i`` predicts token ``i + 1``.

        Args:
            tokens_BS: ids. Shorter rows may be padded with PAD at their end or in front of BOS,
                which does not change the results of their other bytes.
            impl: implementation of attention; all implementations give the same result.

        Raises:
            ValueError: ``tokens_BS`` is not two-dimensional or holds ids outside the vocabulary.
        """
        check_tokens(tokens_BS, self.args.vocab_size)
        padding_B = leading_padding(tokens_BS)
        if padding_B is not None:
            tokens_BS = rolled(tokens_BS, padding_B)
        if self.args.separates_documents:
            documents_BS = document_numbers(tokens_BS, self.args.eos_id)
        else:
            documents_BS = torch.zeros_like(tokens_BS)
        logits_BSV = self._run(tokens_BS, documents_BS, None, impl)[0]
        return logits_BSV if padding_B is None else rolled(logits_BSV, -padding_B)

    def forward_chunk(
        self, tokens_BS: Tensor, state: LMState, *, impl: AttentionImpl = "auto"
    ) -> tuple[Tensor, LMState]:
        """Return the logits ``[B, S, V]`` of the next bytes of a text and the state after them.

        The logits of all chunks equal those of ``forward`` for the whole text.

        Args:
            tokens_BS: ids of the chunk; rows must not begin with padding.
            state: state of the text before the chunk.
            impl: implementation of attention; all implementations give the same result.
        """
        window = self.args.window
        assert window is not None, "there is no state without a window"
        documents_BS = torch.zeros_like(tokens_BS)
        if self.args.separates_documents:
            documents_BS = document_numbers(tokens_BS, self.args.eos_id)
        documents_BT = torch.cat([state.documents_BW, documents_BS], dim=1)
        logits_BSV, present = self._run(tokens_BS, documents_BT, state, impl)
        keys = torch.stack([layer.keys[:, -window:] for layer in present])
        values = torch.stack([layer.values[:, -window:] for layer in present])
        documents_BW = self._age(documents_BT, tokens_BS)[:, -window:]
        whole = torch.cat([state.recent_BR, tokens_BS], dim=1)
        recent_BR = whole[:, max(0, whole.shape[1] - self.longest_ngram + 1) :]
        return logits_BSV, LMState(keys, values, documents_BW, recent_BR)

    def initial_state(self, rows: int) -> LMState:
        """Return the state before the first byte of ``rows`` texts.

        Raises:
            ValueError: the model has no window, so no bounded state exists.
        """
        args, like = self.args, self.tok_embeddings.weight
        if args.window is None:
            raise ValueError(
                f"attn_bias_type {args.attn_bias_type!r} has no window: chunks would need the "
                "whole text; use forward"
            )
        empty = like.new_zeros(args.n_layers, rows, 0, args.kv_heads, args.head_width)
        none = torch.zeros(rows, 0, dtype=torch.int64, device=like.device)
        return LMState(empty, empty, none, none)

    def init_weights(self, generator: Generator | None = None) -> None:
        """Initialise all weights by the rules of :mod:`bytelatent.model.init`.

        Args:
            generator: source of random numbers; by default one with the seed of the settings.
        """
        args = self.args
        if generator is None:
            generator = Generator(self.tok_embeddings.weight.device).manual_seed(args.seed)
        std = args.init_base_std or args.dim**-0.5
        truncated_normal(self.tok_embeddings.weight, std, generator)
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, TransformerBlock)
            init_block(layer, args, number, generator)
        nn.init.ones_(self.norm.weight)
        if not args.weight_tying:
            truncated_normal(self.output.weight, std, generator)
        # The n-gram tables come last: all other weights equal those of the model without n-grams.
        for table in self.hash_tok_embedding:
            truncated_normal(cast(nn.Embedding, table).weight, std, generator)

    def byte_table(self) -> nn.Embedding:
        """Return the embedding table of single bytes."""
        return self.tok_embeddings

    def ngram_tables(self) -> nn.ModuleList:
        """Return the hash n-gram tables, whose rows have the width of the residual stream."""
        return self.hash_tok_embedding

    def _run(
        self,
        tokens_BS: Tensor,
        documents_BT: Tensor,
        state: LMState | None,
        impl: AttentionImpl,
    ) -> tuple[Tensor, list[KeyValue]]:
        args = self.args
        length = documents_BT.shape[1]
        table = rotary_table(length, args.head_width, args.rope_theta, tokens_BS.device)
        dtype = self.tok_embeddings.weight.dtype
        plan = plan_attention(documents_BT, tokens_BS.shape[1], args.window, impl, dtype)
        before_BR = None if state is None else state.recent_BR
        h_BSD = self.embedded(tokens_BS, self.hash_ids(tokens_BS, before_BR))
        present = []
        for number, layer in enumerate(self.layers):
            if state is None:
                h_BSD = layer(h_BSD, table, plan)
                continue
            past = KeyValue(state.keys_LBWGE[number], state.values_LBWGE[number])
            h_BSD, key_value = cast(TransformerBlock, layer).step(h_BSD, table, plan, past)
            present.append(key_value)
        return self.output_of(h_BSD), present

    def output_of(self, h_BSD: Tensor) -> Tensor:
        """Return the logits ``[..., V]`` of states ``[..., D]`` of the last layer."""
        h_BSD = self.norm(h_BSD)
        if self.args.weight_tying:
            return h_BSD @ self.tok_embeddings.weight.T
        logits_BSV: Tensor = self.output(h_BSD)
        return logits_BSV

    def _age(self, documents_BT: Tensor, tokens_BS: Tensor) -> Tensor:
        """Renumber documents: 0 for the document of the byte after the chunk, -1 for older ones.

        So document numbers do not grow with the length of a text.
        """
        if not self.args.separates_documents:
            return documents_BT
        ended_B1 = (tokens_BS == self.args.eos_id).sum(dim=1, keepdim=True)
        return torch.where(documents_BT == ended_B1, 0, PADDING_DOCUMENT)
