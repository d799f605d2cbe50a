"""The byte language model that measures entropies: a small causal transformer.

What is particular about it:

- a byte sees the last ``sliding_window`` bytes of its own document (both matter: without the
  window patching falls apart beyond 512 bytes);
- hash n-grams, if it has any, are summed onto the embedding of the byte that they end with;
  they are not cut at an end of document, as in the BLT;
- interleaved rotary embeddings, RMSNorm before each half of a block, SwiGLU, no biases;
- ``forward`` for whole rows, ``forward_chunk`` for texts of any length in constant memory: a chunk
  is given the keys and values of the window before it, so the result is that of the whole text.

Legend: ``L`` layers, ``B`` rows, ``S`` bytes, ``W`` window, ``R`` bytes that n-grams reach back,
``D`` width, ``G`` key/value heads, ``E`` head width, ``V`` vocabulary.
"""

from typing import NamedTuple, cast

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
    """What a chunk must know of the text before it.

    Attributes:
        keys_LBWGE, values_LBWGE: keys (before rotation) and values of the last bytes, ``W`` of them
            or as many as there were.
        documents_BW: 0 for bytes in the document of the byte that comes next, ``-1`` for those
            of older documents.
        recent_BR: the last ids, as many as the longest n-gram has less one, or as many as there
            were; none for a model without hash n-grams.
    """

    keys_LBWGE: Tensor
    values_LBWGE: Tensor
    documents_BW: Tensor
    recent_BR: Tensor


class LMTransformer(EmbedsBytes):
    """Next-byte logits of byte sequences (BLT paper, section 2.2)."""

    kind = LM_KIND
    summary = (
        "A byte-level language model that measures next-byte entropies, for cutting text into "
        "patches (Byte Latent Transformer, arXiv 2412.09871)."
    )
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
        """Logits ``[B, S, V]``; position ``i`` predicts token ``i + 1``.

        Shorter rows may be filled up with PAD at their end or in front of BOS; that changes nothing
        for their other bytes.

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
        """Logits of the next ``S`` bytes of a text and the state after them.

        Chunk by chunk this gives what ``forward`` gives for the whole text. Rows begin with their
        text: padding in front of it is not looked for here.
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
        """The state before the first byte of ``rows`` texts.

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
        """Fresh weights by the laws of :mod:`bytelatent.model.init`; seeded by the args."""
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
        # Last, so that all other weights are those of the same model without n-grams.
        for table in self.hash_tok_embedding:
            truncated_normal(cast(nn.Embedding, table).weight, std, generator)

    def byte_table(self) -> nn.Embedding:
        """The embeddings of ids."""
        return self.tok_embeddings

    def ngram_tables(self) -> nn.ModuleList:
        """As wide as the residual stream."""
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
        """Logits ``[..., V]`` of what the last layer gives."""
        h_BSD = self.norm(h_BSD)
        if self.args.weight_tying:
            return h_BSD @ self.tok_embeddings.weight.T
        logits_BSV: Tensor = self.output(h_BSD)
        return logits_BSV

    def _age(self, documents_BT: Tensor, tokens_BS: Tensor) -> Tensor:
        """Renumber so that the byte after the chunk belongs to document 0 and older ones to none.

        So numbers do not grow with the length of a text.
        """
        if not self.args.separates_documents:
            return documents_BT
        ended_B1 = (tokens_BS == self.args.eos_id).sum(dim=1, keepdim=True)
        return torch.where(documents_BT == ended_B1, 0, PADDING_DOCUMENT)
