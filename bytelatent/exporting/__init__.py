"""Writing models as ONNX graphs."""
