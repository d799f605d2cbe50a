"""ONNX graphs of a BLT and of an entropy model; see :mod:`bytelatent.runtime.onnx_format`.

Legend: ``S`` new bytes of all rows, row by row, ``P`` patches, ``B`` bytes with states, ``M`` bytes
of the longest patch, ``D`` local width, ``G`` global width, ``F`` width of keys and values
together, ``V`` vocabulary, ``N`` hash tables, ``J`` encoder layers whose states patches use, ``X``
layers of the decoder with cross-attention, ``K`` vectors per patch, ``H`` heads and ``E`` head
width of cross-attention.
"""

from bytelatent.architecture.args import HashArgs, LMTransformerArgs, TransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs, LocalArgs
from bytelatent.exporting.blocks import StackGraph, norm
from bytelatent.exporting.onnx_graph import INT64, Graph, Value
from bytelatent.formats.safetensors_header import StoredTensors
from bytelatent.runtime.onnx_format import (
    DECODER_GRAPH,
    ENCODER_GRAPH,
    GLOBAL_GRAPH,
    BltShape,
    EntropyShape,
    StackShape,
)


def entropy_graph(args: LMTransformerArgs, stored: StoredTensors) -> Graph:
    """Build the graph of an entropy model.

    Args:
        args: dimensions of the model.
        stored: the weights of the model.

    Raises:
        ValueError: the weights are not those of such a model.
    """
    graph = Graph(stored)
    shape = entropy_shape(args)
    tokens_S = graph.input("tokens", ["A"], INT64)
    x_SD = _looked_up(graph, "tok_embeddings.weight", tokens_S)
    if args.hashes is not None and args.hashes.tables:
        x_SD = _with_ngrams(graph, x_SD, "hash_tok_embedding", args.hashes.tables)
    x_SD = StackGraph(graph, "", shape.stack, args.norm_eps).all_blocks(x_SD)
    head = "tok_embeddings.weight" if args.weight_tying else "output.weight"
    logits_SV = graph.op("MatMul", norm(graph, x_SD, "norm", args.norm_eps), graph.matrix(head))
    log_p = graph.op("LogSoftmax", logits_SV, axis=-1)
    weighed = graph.op("Mul", graph.op("Exp", log_p), log_p)
    total_S = graph.op("ReduceSum", weighed, graph.ints(-1), keepdims=0)
    graph.output("entropies", graph.op("Neg", total_S), ["A"])
    graph.output("logits", logits_SV, ["A", args.vocab_size])
    return graph


def blt_graphs(args: ByteLatentTransformerArgs, stored: StoredTensors) -> dict[str, Graph]:
    """Build the graphs of a BLT; return them by the names of their files.

    Args:
        args: dimensions of the model.
        stored: the weights of the model.

    Raises:
        ValueError: the weights are not those of such a model, or the model cannot generate.
    """
    if args.ngram_vocab_sizes:
        raise ValueError(
            f"ngram_vocab_sizes {args.ngram_vocab_sizes}: the ids of n-gram tables come from "
            "outside the model, so it cannot generate; hash n-grams can"
        )
    shape = blt_shape(args)
    return {
        ENCODER_GRAPH: _encoder(args, shape, Graph(stored)),
        GLOBAL_GRAPH: _global(args, shape, Graph(stored)),
        DECODER_GRAPH: _decoder(args, shape, Graph(stored)),
    }


def _encoder(args: ByteLatentTransformerArgs, shape: BltShape, graph: Graph) -> Graph:
    tokens_S = graph.input("tokens", ["A"], INT64)
    x_SD = _looked_up(graph, "local_encoder.tok_embeddings.weight", tokens_S)
    x_SD = _with_ngrams(graph, x_SD, "encoder_hash_tok_embedding", args.hashes.tables)
    stack = StackGraph(graph, "local_encoder.", shape.encoder, args.encoder.norm_eps)
    read = []
    for layer in range(args.encoder.n_layers):
        x_SD = stack.block(layer, x_SD)
        if layer in shape.read_layers:
            read.append(x_SD)
    stack.finish()
    graph.output("states", x_SD, ["A", shape.dim])
    _stacked(graph, "read", read, ["A", shape.dim])
    return graph


def _global(args: ByteLatentTransformerArgs, shape: BltShape, graph: Graph) -> Graph:
    dim, count = shape.dim, len(shape.read_layers)
    read_JBD = graph.input("read", [count, "B", dim])
    index_PM = graph.input("index", ["A", "M"], INT64)
    room_PM = graph.input("room", ["A", "M"])
    layers = graph.ops("Split", count, read_JBD, axis=0, num_outputs=count)
    bytes_ = [
        graph.op("Gather", graph.op("Squeeze", layer, graph.ints(0)), index_PM, axis=0)
        for layer in layers
    ]
    patches = _pooled(graph, args, bytes_[0], room_PM)
    if shape.encoder_cross:
        patches = _encoder_cross_attention(graph, shape, patches, bytes_, room_PM, args.encoder)
    x_PG = _projected(graph, "global_transformer.token_embedding_projection.weight", patches)
    stack = StackGraph(graph, "global_transformer.", shape.global_model, args.global_model.norm_eps)
    x_PG = stack.all_blocks(x_PG)
    vector = _projected(graph, "local_decoder.patch_embedding_projection.weight", x_PG)
    latents, width = vector, dim
    if shape.decoder_cross:
        latents = _keys_values(graph, shape, vector, args.decoder.norm_eps)
        width = 2 * len(shape.decoder_cross) * shape.patch_vectors * dim
    graph.output("latents", latents, ["A", width])
    return graph


def _pooled(graph: Graph, args: ByteLatentTransformerArgs, x_PMD: Value, room_PM: Value) -> Value:
    """Add the pooled vector of each patch; padding of ``x_PMD`` repeats a byte of the patch."""
    if args.patch_bytes is not None:
        inside_PM1 = graph.op("Unsqueeze", graph.op("Exp", room_PM), graph.ints(-1))
        width = args.patch_bytes * args.encoder.dim
        return graph.reshape(graph.op("Mul", x_PMD, inside_PM1), -1, width)
    parts = []
    for how in args.pooling:
        if how == "avg":
            share_P1M = graph.op("Unsqueeze", graph.op("Softmax", room_PM), graph.ints(1))
            mean_P1D = graph.op("MatMul", share_P1M, x_PMD)
            parts.append(graph.op("Squeeze", mean_P1D, graph.ints(1)))
        else:
            reduce = {"max": "ReduceMax", "min": "ReduceMin"}[how]
            parts.append(graph.op(reduce, x_PMD, graph.ints(1), keepdims=0))
    return parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=-1)


def _encoder_cross_attention(
    graph: Graph,
    shape: BltShape,
    pooled_PD: Value,
    bytes_: list[Value],
    room_PM: Value,
    local: LocalArgs,
) -> Value:
    """Add the encoder's cross-attention in all its layers; return ``[P, K * D]``.

    The output ``weights`` holds the attention weights of these layers.
    """
    dim, vectors, heads = shape.dim, shape.patch_vectors, shape.cross_heads
    wide = _projected(graph, "local_encoder.patch_embedding_projection.weight", pooled_PD)
    patches_PKD = graph.reshape(wide, -1, vectors, dim)
    room_P11M = graph.op("Unsqueeze", room_PM, graph.ints(1, 2))
    weights = []
    for number, x_PMD in enumerate(bytes_):
        name = f"local_encoder.cross_attn_layers.{number}"
        normed = norm(graph, patches_PKD, f"{name}.cross_attn_norm_q", local.norm_eps)
        q_PKD = graph.op("MatMul", normed, _cross_matrix(graph, shape, name, "q"))
        normed = norm(graph, x_PMD, f"{name}.cross_attn_norm_kv", local.norm_eps)
        kv_PMF = graph.op("MatMul", normed, _cross_matrix(graph, shape, name, "kv"))
        k_PMD, v_PMD = graph.ops("Split", 2, kv_PMF, axis=-1, num_outputs=2)
        q_PHKE, k_PHME, v_PHME = (
            graph.op("Transpose", graph.reshape(part, 0, 0, heads, -1), perm=[0, 2, 1, 3])
            for part in (q_PKD, k_PMD, v_PMD)
        )
        k_PHEM = graph.op("Transpose", k_PHME, perm=[0, 1, 3, 2])
        score = graph.op("Add", graph.op("MatMul", q_PHKE, k_PHEM), room_P11M)
        weight_PHKM = graph.op("Softmax", score, axis=-1)
        weights.append(graph.op("Transpose", weight_PHKM, perm=[0, 3, 2, 1]))
        out_PHKE = graph.op("MatMul", weight_PHKM, v_PHME)
        out_PKHE = graph.op("Transpose", out_PHKE, perm=[0, 2, 1, 3])
        out_PKD = graph.reshape(out_PKHE, 0, 0, dim)
        patches_PKD = _added_twice(graph, patches_PKD, out_PKD, name)
    _stacked(graph, "weights", weights, ["A", "M", vectors, heads])
    return graph.reshape(patches_PKD, -1, vectors * dim)


def _keys_values(graph: Graph, shape: BltShape, vectors: Value, eps: float) -> Value:
    """Add keys and values of every patch for the decoder's layers: ``[P, 2 X * H * K * E]``."""
    vectors_PKD = graph.reshape(vectors, -1, shape.patch_vectors, shape.dim)
    parts = []
    for number in range(len(shape.decoder_cross)):
        name = f"local_decoder.cross_attn_layers.{number}"
        normed = norm(graph, vectors_PKD, f"{name}.cross_attn_norm_kv", eps)
        kv = graph.op("MatMul", normed, _cross_matrix(graph, shape, name, "kv"))
        kv_PK2HE = graph.reshape(kv, 0, 0, 2, shape.cross_heads, -1)
        parts.append(graph.op("Transpose", kv_PK2HE, perm=[0, 2, 3, 1, 4]))
    whole = parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=1)
    width = 2 * len(parts) * shape.patch_vectors * shape.dim
    return graph.reshape(whole, -1, width)


def _decoder(args: ByteLatentTransformerArgs, shape: BltShape, graph: Graph) -> Graph:
    dim, heads, vectors = shape.dim, shape.cross_heads, shape.patch_vectors
    layers = len(shape.decoder_cross)
    x_SD = graph.input("states", ["A", dim])
    width = 2 * layers * vectors * dim if layers else dim
    latents = graph.input("latents", ["P", width])
    own = graph.op("Gather", latents, graph.input("patch", ["A"], INT64), axis=0)
    layer_keys_values: list[Value] = []
    if layers:
        own = graph.reshape(own, -1, 2 * layers, heads, vectors, dim // heads)
        layer_keys_values = graph.ops("Split", 2 * layers, own, axis=1, num_outputs=2 * layers)
    else:
        x_SD = graph.op("Add", x_SD, own)
    stack = StackGraph(graph, "local_decoder.", shape.decoder, args.decoder.norm_eps)
    weights = []
    for layer in range(args.decoder.n_layers):
        if layer in shape.decoder_cross:
            number = shape.decoder_cross.index(layer)
            keys_values = layer_keys_values[2 * number : 2 * number + 2]
            x_SD, weight_SKH = _decoder_cross_attention(
                graph, shape, number, x_SD, keys_values, args.decoder
            )
            weights.append(weight_SKH)
        x_SD = stack.block(layer, x_SD)
    stack.finish()
    tied = "local_encoder.tok_embeddings.weight"
    head = tied if args.weight_tying else "local_decoder.output.weight"
    normed = norm(graph, x_SD, "local_decoder.norm", args.decoder.norm_eps)
    logits_SV = graph.op("MatMul", normed, graph.matrix(head))
    graph.output("logits", logits_SV, ["A", args.vocab_size])
    if weights:
        _stacked(graph, "weights", weights, ["A", vectors, heads])
    return graph


def _decoder_cross_attention(
    graph: Graph,
    shape: BltShape,
    number: int,
    x_SD: Value,
    key_value_S1HKE: list[Value],
    local: LocalArgs,
) -> tuple[Value, Value]:
    """Add the decoder's cross-attention: the new states, and weights ``[S, K, H]``."""
    dim, heads, vectors = shape.dim, shape.cross_heads, shape.patch_vectors
    name = f"local_decoder.cross_attn_layers.{number}"
    normed = norm(graph, x_SD, f"{name}.cross_attn_norm_q", local.norm_eps)
    q_SD = graph.op("MatMul", normed, _cross_matrix(graph, shape, name, "q"))
    q_S1H1E = graph.reshape(q_SD, -1, 1, heads, 1, dim // heads)
    keys_S1HEK = graph.op("Transpose", key_value_S1HKE[0], perm=[0, 1, 2, 4, 3])
    score = graph.op("MatMul", q_S1H1E, keys_S1HEK)
    weight_S1H1K = graph.op("Softmax", score, axis=-1)
    out_SD = graph.reshape(graph.op("MatMul", weight_S1H1K, key_value_S1HKE[1]), -1, dim)
    weight_SHK = graph.reshape(weight_S1H1K, -1, heads, vectors)
    weight_SKH = graph.op("Transpose", weight_SHK, perm=[0, 2, 1])
    return _added_twice(graph, x_SD, out_SD, name), weight_SKH


def _cross_matrix(graph: Graph, shape: BltShape, name: str, parts: str) -> Value:
    """Add the weights of queries, divided by the root of the head width, or of keys and values."""
    names = [f"{name}.w{part}.weight" for part in parts]
    scale = (shape.dim // shape.cross_heads) ** -0.5
    return graph.matrix(*names, scales={names[0]: scale} if parts == "q" else None)


def _added_twice(graph: Graph, x: Value, attended: Value, name: str) -> Value:
    """Add ``x`` twice to the output projection of the attention result.

    The residual counts twice, see :class:`bytelatent.model.cross_attention.CrossAttention`.
    """
    out = graph.op("MatMul", attended, graph.matrix(f"{name}.wo.weight"))
    return graph.op("Add", graph.op("Add", x, x), out)


def _projected(graph: Graph, name: str, value: Value) -> Value:
    """Add a linear layer, if the model has it; otherwise return ``value``."""
    exists = name in graph.stored.tensors
    return graph.op("MatMul", value, graph.matrix(name)) if exists else value


def _looked_up(graph: Graph, name: str, ids_S: Value) -> Value:
    """Add a look-up of rows of a table; only these rows are converted to single precision."""
    return graph.single(graph.op("Gather", graph.weight(name), ids_S, axis=0))


def _with_ngrams(graph: Graph, x_SD: Value, tables: str, count: int) -> Value:
    """Add to ``x_SD`` the rows of ``count`` hash n-gram tables that the input ``hashes`` names."""
    hashes_SN = graph.input("hashes", ["A", count], INT64)
    for number in range(count):
        ids_S = graph.op("Gather", hashes_SN, graph.index(number), axis=1)
        x_SD = graph.op("Add", x_SD, _looked_up(graph, f"{tables}.{number}.weight", ids_S))
    return x_SD


def _stacked(graph: Graph, name: str, values: list[Value], shape: list[int | str]) -> None:
    """Add an output that stacks values of several layers."""
    parts = [graph.op("Unsqueeze", value, graph.ints(0)) for value in values]
    whole = parts[0] if len(parts) == 1 else graph.op("Concat", *parts, axis=0)
    graph.output(name, whole, [len(values), *shape])


def _stack_shape(args: TransformerArgs, window: int | None) -> StackShape:
    return StackShape(
        layers=args.n_layers,
        heads=args.n_heads,
        kv_heads=args.kv_heads,
        head_width=args.head_width,
        window=window,
        rope_theta=args.rope_theta,
    )


def entropy_shape(args: LMTransformerArgs) -> EntropyShape:
    """Return the dimensions of an entropy model for the metadata of its graph."""
    hashes = args.hashes or HashArgs(sizes=(), buckets=1)
    return EntropyShape(
        hash_sizes=hashes.sizes,
        hash_buckets=hashes.buckets,
        hash_functions=hashes.functions,
        stack=_stack_shape(args, args.window),
        vocab_size=args.vocab_size,
        eos_id=args.eos_id,
        separates_documents=args.separates_documents,
    )


def blt_shape(args: ByteLatentTransformerArgs) -> BltShape:
    """Return the dimensions of a BLT for the metadata of its graphs."""
    return BltShape(
        encoder=_stack_shape(args.encoder, args.encoder.window),
        global_model=_stack_shape(args.global_model, None),
        decoder=_stack_shape(args.decoder, args.decoder.window),
        dim=args.encoder.dim,
        read_layers=tuple(args.encoder.cross_layers or [args.encoder.n_layers - 1]),
        patch_vectors=args.patch_vectors,
        cross_heads=args.cross_heads,
        encoder_cross=tuple(args.encoder.cross_layers),
        decoder_cross=tuple(args.decoder.cross_layers),
        patch_bytes=args.patch_bytes,
        hash_sizes=args.hashes.sizes,
        hash_buckets=args.hashes.buckets,
        hash_functions=args.hashes.functions,
        vocab_size=args.vocab_size,
        eos_id=args.eos_id,
    )
