"""The registry to which the modules of this package add their sources."""

from ..document import Registry

REGISTRY = Registry()
