"""Byte Latent Transformer: byte-level language models that spend compute per patch.

Importing this package loads neither torch nor a model; import the modules that you need.
"""

__version__ = "0.1.0"
