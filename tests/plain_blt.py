"""The BLT one row at a time from the formulas: slow, plain, and independent of the model's code."""

import numpy as np
import torch

from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.model.blt import ByteLatentTransformer


def ngram_ids_of(args: ByteLatentTransformerArgs, tokens: torch.Tensor) -> list[torch.Tensor]:
    return [(tokens * n) % rows for n, rows in args.ngram_vocab_sizes.items()]


class Plain:
    """A model's weights, and the logits they give for one row."""

    def __init__(self, model: ByteLatentTransformer) -> None:
        self.args, self.w = model.args, model.state_dict()

    def logits(self, tokens: torch.Tensor, lengths: list[int]) -> torch.Tensor:
        args, w = self.args, self.w
        starts = [0, *np.cumsum(lengths)[:-1].tolist()]
        patch = [max(p for p, s in enumerate(starts) if s <= j) for j in range(len(tokens) + 1)]
        ended, document = 0, []
        for token in tokens.tolist():
            document.append(ended)
            ended += token == args.eos_id
        h = self.embed(tokens)
        count = len(lengths) - 1
        members = [[j for j in range(len(tokens)) if patch[j] == p] for p in range(count)]
        patches, at = None, 0
        for layer in range(args.encoder.n_layers):
            h = self.block(h, "local_encoder", args.encoder, layer, document, args.encoder.window)
            if args.encoder.has_cross_attention(layer):
                if patches is None:
                    weight = w["local_encoder.patch_embedding_projection.weight"]
                    patches = self.pooled(h, members) @ weight.T
                    patches = patches.view(count, args.patch_vectors, -1)
                name = f"local_encoder.cross_attn_layers.{at}."
                read = [self.cross(patches[p], h[members[p]], name) for p in range(count)]
                patches, at = torch.stack(read), at + 1
        m = self.pooled(h, members) if patches is None else patches.flatten(1)
        if "global_transformer.token_embedding_projection.weight" in w:
            m = m @ w["global_transformer.token_embedding_projection.weight"].T
        ended, patch_document = 0, []
        for p in range(count):
            patch_document.append(ended)
            ended += any(tokens[j] == args.eos_id for j in members[p])
        for layer in range(args.global_model.n_layers):
            m = self.block(m, "global_transformer", args.global_model, layer, patch_document, None)
        return self.decode(h, m, [patch[j + 1] - 1 for j in range(len(tokens))], document)

    def decode(self, h, m, source, document) -> torch.Tensor:
        args, w, at = self.args, self.w, 0
        if "local_decoder.patch_embedding_projection.weight" in w:
            m = m @ w["local_decoder.patch_embedding_projection.weight"].T
        if not args.decoder.cross_layers:
            h = h + m[source]
        for layer in range(args.decoder.n_layers):
            if args.decoder.has_cross_attention(layer):
                name = f"local_decoder.cross_attn_layers.{at}."
                vectors = m.view(len(m), args.patch_vectors, -1)
                read = [self.cross(h[j : j + 1], vectors[p], name) for j, p in enumerate(source)]
                h, at = torch.cat(read), at + 1
            h = self.block(h, "local_decoder", args.decoder, layer, document, args.decoder.window)
        name = "local_encoder.tok_embeddings" if args.weight_tying else "local_decoder.output"
        return self.norm(h, "local_decoder.norm.weight") @ w[f"{name}.weight"].T

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        args, w = self.args, self.w
        h = w["local_encoder.tok_embeddings.weight"][tokens]
        primes, table = [1000000007, 5915587277, 1500450271], 0
        for function in range(args.hashes.functions):
            for size in args.hashes.sizes:
                rows = []
                for j in range(len(tokens)):
                    window = [0] * size + tokens[: j + 1].tolist()
                    total = sum(t * primes[function] ** i for i, t in enumerate(window[-size:]))
                    total = (total + 2**63) % 2**64 - 2**63
                    rows.append(total % args.hashes.buckets)
                h = h + w[f"encoder_hash_tok_embedding.{table}.weight"][rows]
                table += 1
        for number, ids in enumerate(ngram_ids_of(args, tokens)):
            h = h + w[f"encoder_ngram_embedding.{number}.weight"][ids]
        return h

    def pooled(self, h: torch.Tensor, members: list[list[int]]) -> torch.Tensor:
        if self.args.patch_bytes:
            room = torch.zeros(len(members), self.args.patch_bytes, h.shape[1])
            for p, own in enumerate(members):
                room[p, : len(own)] = h[own]
            return room.flatten(1)
        how = {"max": lambda x: x.amax(0), "min": lambda x: x.amin(0), "avg": lambda x: x.mean(0)}
        rows = [torch.cat([how[name](h[own]) for name in self.args.pooling]) for own in members]
        return torch.stack(rows)

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * self.w[name]

    def cross(self, x: torch.Tensor, source: torch.Tensor, name: str) -> torch.Tensor:
        w, heads = self.w, self.args.cross_heads
        q = self.norm(x, name + "cross_attn_norm_q.weight") @ w[name + "wq.weight"].T
        y = self.norm(source, name + "cross_attn_norm_kv.weight")
        k, v = y @ w[name + "wk.weight"].T, y @ w[name + "wv.weight"].T
        parts = [t.view(len(t), heads, -1).transpose(0, 1) for t in (q, k, v)]
        score = parts[0] @ parts[1].transpose(1, 2) / parts[0].shape[-1] ** 0.5
        out = (score.softmax(-1) @ parts[2]).transpose(0, 1).flatten(1)
        return x + (x + out @ w[name + "wo.weight"].T)

    def block(self, h, part, args, layer, document, window) -> torch.Tensor:
        at, w, size, width = f"{part}.layers.{layer}.", self.w, len(h), args.head_width
        place = torch.arange(size)
        angle = place[:, None] * args.rope_theta ** (-torch.arange(0, width, 2) / width)
        turn = torch.polar(torch.ones_like(angle), angle)[:, None]
        x = self.norm(h, at + "attention_norm.weight")
        q, k, v = (
            (x @ w[f"{at}attention.w{n}.weight"].T).view(size, -1, width) for n in ("q", "k", "v")
        )
        q, k = (
            torch.view_as_real(
                torch.view_as_complex(t.reshape(size, -1, width // 2, 2)) * turn
            ).reshape(size, -1, width)
            for t in (q, k)
        )
        group = args.n_heads // args.kv_heads
        own = torch.tensor(document)
        seen = (place[:, None] >= place) & (own[:, None] == own)
        if window is not None:
            seen &= place[:, None] - place < window
        heads = []
        for head in range(args.n_heads):
            score = q[:, head] @ k[:, head // group].T / width**0.5
            heads.append(score.masked_fill(~seen, -torch.inf).softmax(-1) @ v[:, head // group])
        h = h + torch.cat(heads, 1) @ w[at + "attention.wo.weight"].T
        x = self.norm(h, at + "ffn_norm.weight")
        gate, up = (x @ w[f"{at}feed_forward.{n}.weight"].T for n in ("w1", "w3"))
        return h + (gate * gate.sigmoid() * up) @ w[at + "feed_forward.w2.weight"].T
