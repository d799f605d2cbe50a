"""Transformer blocks with a KV cache, as nodes of an ONNX graph.

Everything except attention runs over the positions of all rows as one matrix, ``[R * S, D]``, so
that a step of several rows reads the weights once.

Legend: ``R`` rows that advance together, ``S`` new positions of each, ``T`` slots of a cache, ``D``
width, ``F`` width inside the feed-forward network, ``H`` heads, ``G`` key/value heads, ``N = H + 2
G``, ``Q = S * H / G`` queries of a key/value head, ``E`` head width.
"""

from bytelatent.exporting.onnx_graph import INT64, Graph, Value
from bytelatent.runtime.onnx_format import StackShape


def norm(graph: Graph, value: Value, name: str, eps: float) -> Value:
    """Add an RMS norm over the last dimension to a graph; ``name`` is the name of its scale."""
    scale = graph.single(graph.weight(f"{name}.weight"))
    return graph.op("RMSNormalization", value, scale, axis=-1, epsilon=eps)


class StackGraph:
    """The blocks of one transformer over ``S`` new positions of ``R`` rows, with inputs and output.

    Args:
        graph: graph to which the nodes are added.
        prefix: prefix of the names of the weights, for example ``local_decoder.``.
        shape: dimensions of the blocks.
        eps: epsilon of the norms.
    """

    def __init__(self, graph: Graph, prefix: str, shape: StackShape, eps: float) -> None:
        self.graph, self.prefix, self.shape, self.eps = graph, prefix, shape, eps
        pairs, kv_heads, width = shape.head_width // 2, shape.kv_heads, shape.head_width
        self._cos = graph.input("cos", ["R", "S", pairs])
        self._sin = graph.input("sin", ["R", "S", pairs])
        self._mask = graph.input("mask", ["R", 1, "S", "T + S"])
        self._split = graph.input("split", [2], INT64)
        self._past = [
            tuple(
                graph.input(f"{part}_{layer}", ["R", kv_heads, "T", width])
                for part in ("keys", "values")
            )
            for layer in range(shape.layers)
        ]
        rows = graph.op("Shape", self._cos, end=2)
        self._qkv_shape = graph.op(
            "Concat", rows, graph.ints(shape.heads + 2 * kv_heads, width), axis=0
        )
        self._new: list[Value] = []

    def block(self, layer: int, x_SD: Value) -> Value:
        """Add the block of layer ``layer`` to the graph: ``[R * S, D]`` to ``[R * S, D]``."""
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
        """Add all blocks and the output ``new``: ``[R * S, D]`` to ``[R * S, D]``."""
        for layer in range(self.shape.layers):
            x_SD = self.block(layer, x_SD)
        self.finish()
        return x_SD

    def finish(self) -> None:
        """Add the output ``new``, the new keys and values, to the graph, after all blocks."""
        new = self.graph.op("Concat", *self._new, axis=1)
        count = 2 * self.shape.kv_heads * self.shape.layers
        self.graph.output("new", new, ["R", count, "S", self.shape.head_width])

    def _attention(self, layer: int, y_SD: Value) -> Value:
        """Add attention to the cache and to the new positions; concatenating them would cost time.

        The two results are summed: ``softmax(q [past new]) = [a b]`` gives ``a v_past + b v``.
        """
        graph, shape = self.graph, self.shape
        kv_heads, width = shape.kv_heads, shape.head_width
        q_RGQE, k_RGSE, v_RGSE = self._rotated(layer, y_SD)
        self._new += [k_RGSE, v_RGSE]
        keys_RGTE, values_RGTE = self._past[layer]
        scores = [
            graph.op("MatMul", q_RGQE, graph.op("Transpose", keys, perm=[0, 1, 3, 2]))
            for keys in (keys_RGTE, k_RGSE)
        ]
        score = graph.op("Concat", *scores, axis=-1)
        if kv_heads != shape.heads:
            score = self._with_heads(score, shape.heads)
        weight = graph.op("Softmax", graph.op("Add", score, self._mask), axis=-1)
        if kv_heads != shape.heads:
            weight = self._with_heads(weight, kv_heads)
        past_RGQT, new_RGQS = graph.ops("Split", 2, weight, self._split, axis=-1)
        out_RGQE = graph.op(
            "Add",
            graph.op("MatMul", past_RGQT, values_RGTE),
            graph.op("MatMul", new_RGQS, v_RGSE),
        )
        out_RHSE = graph.reshape(out_RGQE, 0, shape.heads, -1, width)
        out_RSHE = graph.op("Transpose", out_RHSE, perm=[0, 2, 1, 3])
        out_SD = graph.reshape(out_RSHE, -1, shape.heads * width)
        wo = f"{self.prefix}layers.{layer}.attention.wo.weight"
        return graph.op("MatMul", out_SD, graph.matrix(wo))

    def _rotated(self, layer: int, y_SD: Value) -> tuple[Value, Value, Value]:
        """Add queries ``[R, G, Q, E]``, divided by the root of the width, and keys and values."""
        graph, shape = self.graph, self.shape
        heads, kv_heads, width = shape.heads, shape.kv_heads, shape.head_width
        names = [f"{self.prefix}layers.{layer}.attention.w{part}.weight" for part in "qkv"]
        qkv = graph.op("MatMul", y_SD, graph.matrix(*names, scales={names[0]: width**-0.5}))
        qkv_RSNE = graph.op("Reshape", qkv, self._qkv_shape)
        qkv_RNSE = graph.op("Transpose", qkv_RSNE, perm=[0, 2, 1, 3])
        to_rotate, v_RGSE = graph.ops(
            "Split", 2, qkv_RNSE, graph.ints(heads + kv_heads, kv_heads), axis=1
        )
        rotated = graph.op("RotaryEmbedding", to_rotate, self._cos, self._sin, interleaved=1)
        q_RHSE, k_RGSE = graph.ops("Split", 2, rotated, graph.ints(heads, kv_heads), axis=1)
        grouped = kv_heads != heads
        q_RGQE = graph.reshape(q_RHSE, 0, kv_heads, -1, width) if grouped else q_RHSE
        return q_RGQE, k_RGSE, v_RGSE

    def _with_heads(self, score: Value, heads: int) -> Value:
        """Reshape scores or weights to ``[R, heads, .., T + S]``."""
        graph = self.graph
        seen = graph.op("Shape", self._mask, start=3)
        return graph.op(
            "Reshape", score, graph.op("Concat", graph.ints(0, heads, -1), seen, axis=0)
        )
