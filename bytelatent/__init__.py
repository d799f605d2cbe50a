"""Byte Latent Transformer: byte-level language models that spend compute per patch.

Importing this package loads neither torch nor a model; import the modules that you need.
"""

import os

__version__ = "0.1.0"

# From its import on, onnxruntime keeps a device id and a log of events in the user's cache folder,
# and may send them; its own switch comes too late. This line precedes every module that imports it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
