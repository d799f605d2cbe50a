"""The one registry that the modules of this package fill."""

from ..document import Registry

REGISTRY = Registry()
