"""What long texts took goes back to the system."""

import ctypes
import sys
from pathlib import Path

import pytest

from app.requests import memory
from app.requests.fair_queue import FairQueue
from app.requests.memory import EVERY_SECONDS, Keeper, trim_heap

BLOCK, COUNT = 64 * 1024, 1024


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="glibc alone keeps and gives back in this way",
)
def test_free_memory_goes_back_to_the_system() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    blocks = [libc.malloc(BLOCK) for _ in range(COUNT)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    for block in blocks[:-1]:  # the last one keeps the heap as long as it is
        libc.free(block)
    before = resident_bytes()
    trim_heap()
    freed = before - resident_bytes()
    libc.free(blocks[-1])
    assert freed > BLOCK * COUNT / 2


def test_it_is_done_now_and_then() -> None:
    now, trimmed = 100.0, []
    keeper = Keeper(lambda: trimmed.append(now), lambda: now)
    keeper.give_back()
    keeper.give_back()
    assert trimmed == [100.0]
    now += EVERY_SECONDS
    keeper.give_back()
    assert trimmed == [100.0, now]


def test_whoever_had_a_turn_gives_back(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bool] = []
    monkeypatch.setattr(memory, "give_back", lambda: given.append(True))
    turn = FairQueue("It").take()
    assert not given
    turn.leave()
    turn.leave()
    assert given == [True]
