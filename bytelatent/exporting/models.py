"""ONNX graphs of a BLT and of an entropy model, as :mod:`bytelatent.runtime.onnx_format` has them.

Legend: as there; ``P`` patches, ``G`` global width, ``E`` head width of cross-attention.
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
    """The graph of an entropy model.

    Raises:
        ValueError: the weights are not those of such a model.
    """
    graph = Graph(stored)
    shape = entropy_shape(args)
    tokens_S = graph.input("tokens", ["S"], INT64)
    x_SD = _looked_up(graph, "tok_embeddings.weight", tokens_S)
    if args.hashes is not None and args.hashes.tables:
        x_SD = _with_ngrams(graph, x_SD, "hash_tok_embedding", args.hashes.tables)
    x_SD = StackGraph(graph, "", shape.stack, args.norm_eps).all_blocks(x_SD)
    head = "tok_embeddings.weight" if args.weight_tying else "output.weight"
    logits_SV = graph.op("MatMul", norm(graph, x_SD, "norm", args.norm_eps), graph.matrix(head))
    log_p = graph.op("LogSoftmax", logits_SV, axis=-1)
    weighed = graph.op("Mul", graph.op("Exp", log_p), log_p)
    total_S = graph.op("ReduceSum", weighed, graph.ints(-1), keepdims=0)
    graph.output("entropies", graph.op("Neg", total_S), ["S"])
    graph.output("logits", logits_SV, ["S", args.vocab_size])
    return graph


def blt_graphs(args: ByteLatentTransformerArgs, stored: StoredTensors) -> dict[str, Graph]:
    """The graphs of a BLT by the names of their files.

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
    tokens_S = graph.input("tokens", ["S"], INT64)
    x_SD = _looked_up(graph, "local_encoder.tok_embeddings.weight", tokens_S)
    x_SD = _with_ngrams(graph, x_SD, "encoder_hash_tok_embedding", args.hashes.tables)
    stack = StackGraph(graph, "local_encoder.", shape.encoder, args.encoder.norm_eps)
    read = []
    for layer in range(args.encoder.n_layers):
        x_SD = stack.block(layer, x_SD)
        if layer in shape.read_layers:
            read.append(x_SD)
    stack.finish()
    graph.output("states", x_SD, ["S", shape.dim])
    _stacked(graph, "read", read, ["S", shape.dim])
    return graph


def _global(args: ByteLatentTransformerArgs, shape: BltShape, graph: Graph) -> Graph:
    dim, count = shape.dim, len(shape.read_layers)
    read_RBD = graph.input("read", [count, "B", dim])
    index_PM = graph.input("index", ["S", "M"], INT64)
    room_PM = graph.input("room", ["S", "M"])
    layers = graph.ops("Split", count, read_RBD, axis=0, num_outputs=count)
    bytes_ = [
        graph.op("Gather", graph.op("Squeeze", layer, graph.ints(0)), index_PM, axis=0)
        for layer in layers
    ]
    patches = _pooled(graph, args, bytes_[0], room_PM)
    if shape.encoder_cross:
        patches = _patches_read_bytes(graph, shape, patches, bytes_, room_PM, args.encoder)
    x_PG = _projected(graph, "global_transformer.token_embedding_projection.weight", patches)
    stack = StackGraph(graph, "global_transformer.", shape.global_model, args.global_model.norm_eps)
    x_PG = stack.all_blocks(x_PG)
    vector = _projected(graph, "local_decoder.patch_embedding_projection.weight", x_PG)
    latents, width = vector, dim
    if shape.decoder_cross:
        latents = _offers(graph, shape, vector, args.decoder.norm_eps)
        width = 2 * len(shape.decoder_cross) * shape.patch_vectors * dim
    graph.output("latents", latents, ["S", width])
    return graph


def _pooled(graph: Graph, args: ByteLatentTransformerArgs, x_PMD: Value, room_PM: Value) -> Value:
    """The first vector of each patch; places without a byte repeat one of the patch."""
    if args.patch_bytes is not None:
        there = graph.op("Unsqueeze", graph.op("Exp", room_PM), graph.ints(-1))
        width = args.patch_bytes * args.encoder.dim
        return graph.reshape(graph.op("Mul", x_PMD, there), -1, width)
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


def _patches_read_bytes(
    graph: Graph,
    shape: BltShape,
    pooled_PD: Value,
    bytes_: list[Value],
    room_PM: Value,
    local: LocalArgs,
) -> Value:
    """The encoder's cross-attention in all layers that have it: ``[P, K * D]``, and ``weights``."""
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
    _stacked(graph, "weights", weights, ["S", "M", vectors, heads])
    return graph.reshape(patches_PKD, -1, vectors * dim)


def _offers(graph: Graph, shape: BltShape, vectors: Value, eps: float) -> Value:
    """Keys and values that bytes read of every patch, layer by layer: ``[P, 2 X * H * K * E]``."""
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
    x_SD = graph.input("states", ["S", dim])
    width = 2 * layers * vectors * dim if layers else dim
    latents = graph.input("latents", ["P", width])
    own = graph.op("Gather", latents, graph.input("patch", ["S"], INT64), axis=0)
    offers: list[Value] = []
    if layers:
        own = graph.reshape(own, -1, 2 * layers, heads, vectors, dim // heads)
        offers = graph.ops("Split", 2 * layers, own, axis=1, num_outputs=2 * layers)
    else:
        x_SD = graph.op("Add", x_SD, own)
    stack = StackGraph(graph, "local_decoder.", shape.decoder, args.decoder.norm_eps)
    weights = []
    for layer in range(args.decoder.n_layers):
        if layer in shape.decoder_cross:
            number = shape.decoder_cross.index(layer)
            keys_values = offers[2 * number : 2 * number + 2]
            x_SD, weight_SKH = _byte_reads_patch(
                graph, shape, number, x_SD, keys_values, args.decoder
            )
            weights.append(weight_SKH)
        x_SD = stack.block(layer, x_SD)
    stack.finish()
    tied = "local_encoder.tok_embeddings.weight"
    head = tied if args.weight_tying else "local_decoder.output.weight"
    normed = norm(graph, x_SD, "local_decoder.norm", args.decoder.norm_eps)
    logits_SV = graph.op("MatMul", normed, graph.matrix(head))
    graph.output("logits", logits_SV, ["S", args.vocab_size])
    if weights:
        _stacked(graph, "weights", weights, ["S", vectors, heads])
    return graph


def _byte_reads_patch(
    graph: Graph,
    shape: BltShape,
    number: int,
    x_SD: Value,
    offer_S1HKE: list[Value],
    local: LocalArgs,
) -> tuple[Value, Value]:
    """The decoder's cross-attention: the new states, and weights ``[S, K, H]``."""
    dim, heads, vectors = shape.dim, shape.cross_heads, shape.patch_vectors
    name = f"local_decoder.cross_attn_layers.{number}"
    normed = norm(graph, x_SD, f"{name}.cross_attn_norm_q", local.norm_eps)
    q_SD = graph.op("MatMul", normed, _cross_matrix(graph, shape, name, "q"))
    q_S1H1E = graph.reshape(q_SD, -1, 1, heads, 1, dim // heads)
    keys_S1HEK = graph.op("Transpose", offer_S1HKE[0], perm=[0, 1, 2, 4, 3])
    score = graph.op("MatMul", q_S1H1E, keys_S1HEK)
    weight_S1H1K = graph.op("Softmax", score, axis=-1)
    out_SD = graph.reshape(graph.op("MatMul", weight_S1H1K, offer_S1HKE[1]), -1, dim)
    weight_SHK = graph.reshape(weight_S1H1K, -1, heads, vectors)
    weight_SKH = graph.op("Transpose", weight_SHK, perm=[0, 2, 1])
    return _added_twice(graph, x_SD, out_SD, name), weight_SKH


def _cross_matrix(graph: Graph, shape: BltShape, name: str, parts: str) -> Value:
    """Weights of queries, divided by the root of the head width, or of keys and values."""
    names = [f"{name}.w{part}.weight" for part in parts]
    scale = (shape.dim // shape.cross_heads) ** -0.5
    return graph.matrix(*names, scales={names[0]: scale} if parts == "q" else None)


def _added_twice(graph: Graph, x: Value, read: Value, name: str) -> Value:
    """The residual counts twice, see :class:`bytelatent.model.cross_attention.CrossAttention`."""
    out = graph.op("MatMul", read, graph.matrix(f"{name}.wo.weight"))
    return graph.op("Add", graph.op("Add", x, x), out)


def _projected(graph: Graph, name: str, value: Value) -> Value:
    """A linear layer, if the model has it."""
    there = name in graph.stored.tensors
    return graph.op("MatMul", value, graph.matrix(name)) if there else value


def _looked_up(graph: Graph, name: str, ids_S: Value) -> Value:
    """Rows of a table: only these are converted, so that a large table is not."""
    return graph.single(graph.op("Gather", graph.weight(name), ids_S, axis=0))


def _with_ngrams(graph: Graph, x_SD: Value, tables: str, count: int) -> Value:
    """``x_SD`` and the rows of ``count`` tables of hash n-grams; ``hashes`` says which."""
    hashes_SN = graph.input("hashes", ["S", count], INT64)
    for number in range(count):
        ids_S = graph.op("Gather", hashes_SN, graph.index(number), axis=1)
        x_SD = graph.op("Add", x_SD, _looked_up(graph, f"{tables}.{number}.weight", ids_S))
    return x_SD


def _stacked(graph: Graph, name: str, values: list[Value], shape: list[int | str]) -> None:
    """Give out values of several layers as one."""
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
    """What its reader must know of it."""
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
    """What its reader must know of it."""
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
