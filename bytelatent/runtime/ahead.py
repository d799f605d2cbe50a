"""Values that a further thread computes ahead of their reader."""

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """Iterator whose values a thread computes ahead; the owner must close it.

    Args:
        items: the values; the thread alone runs this iterator. Its exception is raised where its
            next value would have come.
    """

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._ready: queue.SimpleQueue[Item | BaseException | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        while (item := self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Stop the thread after the value that it computes, and wait for it."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                self._ready.put(item)
                if self._stop.is_set():
                    break
        except BaseException as error:
            self._ready.put(error)
        self._ready.put(None)
