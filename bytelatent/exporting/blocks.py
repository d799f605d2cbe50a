"""Transformer blocks with a KV cache, as nodes of an ONNX graph.

Legend: ``S`` new positions, ``T`` slots of a cache, ``D`` width, ``F`` width inside the
feed-forward network, ``H`` heads, ``G`` key/value heads, ``N = H + 2 G``, ``Q = S * H / G`` queries
of a key/value head, ``E`` head width.
"""

from bytelatent.exporting.onnx_graph import INT64, Graph, Value
from bytelatent.runtime.onnx_format import StackShape


def norm(graph: Graph, value: Value, name: str, eps: float) -> Value:
    """Add an RMS norm over the last dimension to a graph; ``name`` is the name of its scale."""
    scale = graph.single(graph.weight(f"{name}.weight"))
    return graph.op("RMSNormalization", value, scale, axis=-1, epsilon=eps)


class StackGraph:
    """The blocks of one transformer over ``S`` new positions, with their inputs and output.

    Args:
        graph: graph to which the nodes are added.
        prefix: prefix of the names of the weights, for example ``local_decoder.``.
        shape: dimensions of the blocks.
        eps: epsilon of the norms.
    """

    def __init__(self, graph: Graph, prefix: str, shape: StackShape, eps: float) -> None:
        self.graph, self.prefix, self.shape, self.eps = graph, prefix, shape, eps
        pairs, kv_heads, width = shape.head_width // 2, shape.kv_heads, shape.head_width
        self._cos = graph.input("cos", [1, "S", pairs])
        self._sin = graph.input("sin", [1, "S", pairs])
        self._mask = graph.input("mask", ["S", "T + S"])
        self._split = graph.input("split", [2], INT64)
        self._past = [
            tuple(
                graph.input(f"{part}_{layer}", [kv_heads, "T", width])
                for part in ("keys", "values")
            )
            for layer in range(shape.layers)
        ]
        self._new: list[Value] = []

    def block(self, layer: int, x_SD: Value) -> Value:
        """Add the block of layer ``layer`` to the graph: ``[S, D]`` to ``[S, D]``."""
        graph, name = self.graph, f"{self.prefix}layers.{layer}"
        y_SD = norm(graph, x_SD, f"{name}.attention_norm", self.eps)
        x_SD = graph.op("Add", x_SD, self._attention(layer, y_SD))
        y_SD = norm(graph, x_SD, f"{name}.ffn_norm", self.eps)
        w1, w2, w3 = (f"{name}.feed_forward.w{number}.weight" for number in (1, 2, 3))
        both_SF = graph.op("MatMul", y_SD, graph.matrix(w1, w3))
        gate_SF, up_SF = graph.ops("Split", 2, both_SF, axis=-1, num_outputs=2)
        gate_SF = graph.op("Mul", gate_SF, graph.op("Sigmoid", gate_SF))
        down_SD = graph.op("MatMul", graph.op("Mul", gate_SF, up_SF), graph.matrix(w2))
        return graph.op("Add", x_SD, down_SD)

    def all_blocks(self, x_SD: Value) -> Value:
        """Add all blocks and the output ``new`` to the graph: ``[S, D]`` to ``[S, D]``."""
        for layer in range(self.shape.layers):
            x_SD = self.block(layer, x_SD)
        self.finish()
        return x_SD

    def finish(self) -> None:
        """Add the output ``new``, the new keys and values, to the graph, after all blocks."""
        new = self.graph.op("Concat", *self._new, axis=0)
        count = 2 * self.shape.kv_heads * self.shape.layers
        self.graph.output("new", new, [count, "S", self.shape.head_width])

    def _attention(self, layer: int, y_SD: Value) -> Value:
        """Add attention to the cache and to the new positions; concatenating them would cost time.

        The two results are summed: ``softmax(q [past new]) = [a b]`` gives ``a v_past + b v``.
        """
        graph, shape = self.graph, self.shape
        kv_heads, width = shape.kv_heads, shape.head_width
        q_GQE, k_GSE, v_GSE = self._rotated(layer, y_SD)
        self._new += [k_GSE, v_GSE]
        keys_GTE, values_GTE = self._past[layer]
        scores = [
            graph.op("MatMul", q_GQE, graph.op("Transpose", keys, perm=[0, 2, 1]))
            for keys in (keys_GTE, k_GSE)
        ]
        score = graph.op("Concat", *scores, axis=-1)
        if kv_heads != shape.heads:
            score = self._per_head(score)
        weight = graph.op("Softmax", graph.op("Add", score, self._mask), axis=-1)
        if kv_heads != shape.heads:
            weight = self._per_kv_head(weight)
        past_GQT, new_GQS = graph.ops("Split", 2, weight, self._split, axis=-1)
        out_GQE = graph.op(
            "Add",
            graph.op("MatMul", past_GQT, values_GTE),
            graph.op("MatMul", new_GQS, v_GSE),
        )
        out_HSE = graph.reshape(out_GQE, shape.heads, -1, width)
        out_SHE = graph.op("Transpose", out_HSE, perm=[1, 0, 2])
        out_SD = graph.reshape(out_SHE, -1, shape.heads * width)
        wo = f"{self.prefix}layers.{layer}.attention.wo.weight"
        return graph.op("MatMul", out_SD, graph.matrix(wo))

    def _rotated(self, layer: int, y_SD: Value) -> tuple[Value, Value, Value]:
        """Add queries ``[G, Q, E]``, divided by the root of the width, and keys and values."""
        graph, shape = self.graph, self.shape
        heads, kv_heads, width = shape.heads, shape.kv_heads, shape.head_width
        names = [f"{self.prefix}layers.{layer}.attention.w{part}.weight" for part in "qkv"]
        qkv = graph.op("MatMul", y_SD, graph.matrix(*names, scales={names[0]: width**-0.5}))
        qkv_SNE = graph.reshape(qkv, -1, heads + 2 * kv_heads, width)
        qkv_NSE = graph.op("Transpose", qkv_SNE, perm=[1, 0, 2])
        to_rotate, v_GSE = graph.ops(
            "Split", 2, qkv_NSE, graph.ints(heads + kv_heads, kv_heads), axis=0
        )
        to_rotate = graph.op("Unsqueeze", to_rotate, graph.ints(0))
        rotated = graph.op("RotaryEmbedding", to_rotate, self._cos, self._sin, interleaved=1)
        rotated = graph.op("Squeeze", rotated, graph.ints(0))
        q_HSE, k_GSE = graph.ops("Split", 2, rotated, graph.ints(heads, kv_heads), axis=0)
        q_GQE = q_HSE if kv_heads == heads else graph.reshape(q_HSE, kv_heads, -1, width)
        return q_GQE, k_GSE, v_GSE

    def _per_head(self, score_GQT: Value) -> Value:
        """Reshape scores ``[G, Q, T + S]`` to ``[G, H / G, S, T + S]``."""
        graph, shape = self.graph, self.shape
        mask_shape = graph.op("Shape", self._mask)
        lead = graph.ints(shape.kv_heads, shape.heads // shape.kv_heads)
        return graph.op("Reshape", score_GQT, graph.op("Concat", lead, mask_shape, axis=0))

    def _per_kv_head(self, weight: Value) -> Value:
        """Reshape weights ``[G, H / G, S, T + S]`` to ``[G, Q, T + S]``."""
        graph = self.graph
        mask_shape = graph.op("Shape", self._mask, start=1)
        lead = graph.ints(self.shape.kv_heads, -1)
        return graph.op("Reshape", weight, graph.op("Concat", lead, mask_shape, axis=0))
