#!/usr/bin/env bash
# ONNX initialisers may lie in another file, by offset and length, so a .safetensors file can serve as
# the external data of a model, with no copy of the weights. One would guess that saving equal tensors
# under equal names again is harmless. safetensors keeps names in a header of any length before the
# data, so a metadata entry moves every tensor, while ONNX knows the offset alone: onnx.checker passes
# the model, onnxruntime loads it and computes with other bytes.
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0, safetensors 0.8.0, numpy 2.4.6. Output seen:
#
#     onnx 1.23.2 / onnxruntime 1.32.0 / safetensors 0.8.0
#     offset of w: 384 - output: [24. 28. 32. 36.]
#     the same tensors saved with a metadata entry: equal for safetensors: True
#     offset of w: 416 - output: [ 4.  6.  8. 10.]
#     HOLDS: the same tensors saved again move, and the model computes with other bytes, without an error
#
# Consequence: after anything rewrites the weights (a metadata entry is enough),
# write the .onnx file anew, or keep a hash of the data file beside the model and compare it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile onnx==1.23.2 onnxruntime==1.32.0 safetensors==0.8.0 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import safetensors
from onnx import TensorProto, helper
from safetensors.numpy import load_file, save_file

print("onnx", onnx.__version__, "/ onnxruntime", onnxruntime.__version__, "/ safetensors", safetensors.__version__)
weights = Path("w.safetensors")
w = np.arange(16, dtype=np.float32).reshape(4, 4)


def place() -> tuple[int, int]:
    """Offset and length of the tensor ``w`` within the file."""
    data = weights.read_bytes()
    header = int.from_bytes(data[:8], "little")
    start, end = json.loads(data[8 : 8 + header])["w"]["data_offsets"]
    return 8 + header + start, end - start


def run() -> np.ndarray:
    onnx.checker.check_model("m.onnx")
    session = onnxruntime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.ones((1, 4), np.float32)})[0][0]


save_file({"w": w, "other": np.zeros(64, np.float32)}, weights)
offset, length = place()
tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 4], data_location=TensorProto.EXTERNAL)
for key, value in {"location": weights.name, "offset": offset, "length": length}.items():
    tensor.external_data.add(key=key, value=str(value))
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [tensor])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "m.onnx")

first = run()
print("offset of w:", offset, "- output:", first)
save_file({"w": w, "other": np.zeros(64, np.float32)}, weights, metadata={"format": "pt"})
same = bool((load_file(weights)["w"] == w).all())
second = run()
print("the same tensors saved with a metadata entry: equal for safetensors:", same)
print("offset of w:", place()[0], "- output:", second)
if not np.array_equal(first, w.sum(0)):
    sys.exit("CHANGED: external data within a safetensors file is not read")
if not same or place()[0] == offset:
    sys.exit("CHANGED: a metadata entry does not move the tensors")
if np.array_equal(second, first):
    sys.exit("CHANGED: the moved tensor is found")
print("HOLDS: the same tensors saved again move, and the model computes with other bytes, without an error")
PY
