"""The sources of text. `REGISTRY` names them all, in the order in which they are built.

A new source is one function in a module below that yields `Document`s, under
`@REGISTRY.source(name, packages..., licence=..., note=...)`; a new module is named here.
"""

from .registry import REGISTRY  # isort: skip
from . import prose, reference, technical  # isort: skip  # noqa: F401 (importing registers them)
from . import translations, handbook, game, code  # isort: skip  # noqa: F401
from . import forms  # isort: skip  # noqa: F401 (made of the sources above)

__all__ = ["REGISTRY"]
