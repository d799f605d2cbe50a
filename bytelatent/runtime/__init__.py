"""Exported models without torch: onnxruntime and numpy are all they need."""

from bytelatent.runtime.entropy import ByteAnalysis, EntropyRuntime, ModelFileError

__all__ = ["ByteAnalysis", "EntropyRuntime", "ModelFileError"]
