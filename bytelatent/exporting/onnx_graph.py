"""An ONNX graph, built node by node, whose weights stay in a safetensors file.

Nodes that depend only on weights (a conversion to single precision, a transposition, a
concatenation) are computed once, when onnxruntime loads the graph.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bytelatent.formats.safetensors_header import StoredTensors

OPSET = 23
"""First version of the ONNX operators that has rotary embeddings and RMS norms."""

IR_VERSION = 10

TYPES = {"F32": TensorProto.FLOAT, "BF16": TensorProto.BFLOAT16, "F16": TensorProto.FLOAT16}
"""ONNX type for each type that weights may have in a safetensors file."""

INT64 = TensorProto.INT64

Value: TypeAlias = str
"""Name of a value in the graph."""

Sizes = Sequence[int | str]
"""Dimensions of a value: numbers, or names for those that differ from call to call."""


class Graph:
    """An ONNX graph under construction.

    Args:
        stored: the weights; the graph must be saved in the same folder as their file.
    """

    def __init__(self, stored: StoredTensors) -> None:
        self.stored = stored
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}

    def input(self, name: str, shape: Sizes, kind: int = TensorProto.FLOAT) -> Value:
        """Add an input, which every call must provide.

        Args:
            name: name of the input.
            shape: its dimensions.
            kind: its ONNX type.
        """
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: Value, shape: Sizes) -> None:
        """Add an output in single precision, which a call of the graph may request."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def op(self, kind: str, *inputs: Value, **attributes: Any) -> Value:
        """Add a node of the ONNX operator ``kind`` with one output; return the output."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, count: int, *inputs: Value, **attributes: Any) -> list[Value]:
        """Add a node of the ONNX operator ``kind`` with ``count`` outputs; return the outputs."""
        number = len(self._nodes)
        names = [f"{kind}_{number}_{index}" for index in range(count)]
        self._nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def weight(self, name: str) -> Value:
        """Add a tensor of the safetensors file with its stored type.

        Raises:
            ValueError: the file does not contain the tensor, or not as floating-point numbers.
        """
        if name not in self._weights:
            stored = self.stored.tensors.get(name)
            if stored is None or stored.dtype not in TYPES:
                fault = "has no" if stored is None else f"has, as {stored.dtype},"
                raise ValueError(
                    f"{self.stored.path} {fault} {name}; it must have it as {', '.join(TYPES)}"
                )
            tensor = TensorProto(
                name=name,
                data_type=TYPES[stored.dtype],
                dims=stored.shape,
                data_location=TensorProto.EXTERNAL,
            )
            location = {"location": self.stored.path.name}
            location |= {"offset": str(stored.offset), "length": str(stored.size)}
            for key, value in location.items():
                tensor.external_data.add(key=key, value=value)
            self._weights[name] = tensor
        return name

    def single(self, value: Value) -> Value:
        """Convert ``value`` to single precision, unless it is a weight in single precision."""
        tensor = self._weights.get(value)
        if tensor is not None and tensor.data_type == TensorProto.FLOAT:
            return value
        return self.op("Cast", value, to=TensorProto.FLOAT)

    def matrix(self, *names: str, scales: Mapping[str, float] | None = None) -> Value:
        """Concatenate weights ``[F, D]`` of linear layers and transpose the result: ``[D, F]``.

        Args:
            names: names of the weights.
            scales: factors for some of the weights, by name.
        """
        parts = []
        for name in names:
            part = self.single(self.weight(name))
            if name in (scales or {}):
                part = self.op("Mul", part, self.floats((scales or {})[name]))
            parts.append(part)
        whole = parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=0)
        return self.op("Transpose", whole, perm=[1, 0])

    def floats(self, *numbers: float) -> Value:
        """Add a constant of floats to the graph; a single number has no dimensions."""
        array = np.array(numbers, dtype=np.float32)
        return self._constant(array[0] if len(numbers) == 1 else array)

    def index(self, number: int) -> Value:
        """Add an integer constant without dimensions to the graph."""
        return self._constant(np.array(number, dtype=np.int64))

    def ints(self, *numbers: int) -> Value:
        """Add a constant of integers to the graph, ``[N]``."""
        return self._constant(np.array(numbers, dtype=np.int64))

    def reshape(self, value: Value, *shape: int) -> Value:
        """Reshape ``value``: 0 keeps a dimension, -1 stands for the remaining size."""
        return self.op("Reshape", value, self.ints(*shape))

    def save(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Write the graph to ``path``, with ``metadata``."""
        initializers = [*self._weights.values(), *self._constants.values()]
        graph = helper.make_graph(
            self._nodes, "bytelatent", self._inputs, self._outputs, initializer=initializers
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, producer_name="bytelatent")
        model.ir_version = IR_VERSION
        helper.set_model_props(model, dict(metadata))
        path.write_bytes(model.SerializeToString())

    def _constant(self, array: NDArray[Any] | np.generic) -> Value:
        array = np.asarray(array)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._constants[key] = numpy_helper.from_array(array, name)
        return self._constants[key].name
