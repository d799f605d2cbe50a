"""The sources of text. `REGISTRY` holds them all, in the order in which they are built.

A new source is one function in a module below that yields `Document`s, under
`@REGISTRY.source(name, packages..., licence=..., note=...)`; a new module must be imported here.
"""

from .registry import REGISTRY  # isort: skip
from . import prose, reference, technical  # isort: skip  # noqa: F401 (importing registers them)
from . import translations, handbook, game, code  # isort: skip  # noqa: F401
from . import more_code  # isort: skip  # noqa: F401
from . import forms, made_tables, made_objects  # isort: skip  # noqa: F401 (made of those above)
from . import made_logs, made_sequences, made_repeats  # isort: skip  # noqa: F401
from . import held, held_logs  # isort: skip  # noqa: F401

__all__ = ["REGISTRY"]
