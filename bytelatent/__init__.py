"""Byte Latent Transformer: byte-level language models that spend compute per patch.

Importing this package loads neither torch nor any model: take what you need from the modules.
"""

__version__ = "0.1.0"
