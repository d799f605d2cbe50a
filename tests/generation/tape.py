"""What a CUDA graph does, on a CPU: operations are noted with the memory they had, and done again.

A graph cannot let the host wait for a value; here that is refused.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "unique", "masked_select")
"""Operations that wait for a value."""


class Noted(TorchDispatchMode):
    """Notes all operations.

    Attributes:
        entries: functions that do each again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Callable[[], None]] = []
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.__name__.split(".")[0]
        if name in READS:
            raise AssertionError(f"{name} waits for a value")
        out = func(*args, **kwargs)
        given = {t.untyped_storage().data_ptr() for t in tree_leaves((args, kwargs)) if is_real(t)}
        fresh = [
            t
            for t in tree_leaves(out)
            if is_real(t) and t.untyped_storage().data_ptr() not in given
        ]
        if fresh:
            self.entries.append(lambda: _again(func, args, kwargs, out))
        elif func._schema.is_mutable:
            self.entries.append(lambda: func(*args, **kwargs))
        return out


def is_real(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() > 0


def _again(func: Any, args: Any, kwargs: Any, out: Any) -> None:
    """Do it once more and put what comes out where it was."""
    for old, new in zip(tree_leaves(out), tree_leaves(func(*args, **kwargs)), strict=True):
        if is_real(old):
            old.copy_(new)


class Tape:
    """Records for any device.

    Attributes:
        recorded: programs so far.
        replayed: runs of them.
    """

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def record(self, program: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        program()
        with Noted() as noted:
            program()

        def replay() -> None:
            self.replayed += 1
            for entry in noted.entries:
                entry()

        return replay
