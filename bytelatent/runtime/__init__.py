"""Runtime of exported models: it needs only onnxruntime and numpy, not torch."""

from bytelatent.runtime.blt_runtime import BltRuntime
from bytelatent.runtime.entropy_runtime import ByteAnalysis, EntropyRuntime
from bytelatent.runtime.inspection import Inspection, PatchView
from bytelatent.runtime.prefixes import Prefixes
from bytelatent.runtime.sessions import ModelFileError

__all__ = [
    "BltRuntime",
    "ByteAnalysis",
    "EntropyRuntime",
    "Inspection",
    "ModelFileError",
    "PatchView",
    "Prefixes",
]
