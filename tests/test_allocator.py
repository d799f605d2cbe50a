"""Memory that a process keeps: measured by the pages that the system hands it anew."""

import platform
import subprocess
import sys

import pytest

from bytelatent.distributed import allocator

PROGRAM = """
import resource, sys
import torch
from bytelatent.distributed.allocator import keep_freed_memory
torch.set_num_threads(1)
print(keep_freed_memory() if sys.argv[1] == "keep" else None)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    torch.ones(64 * 2**20, dtype=torch.uint8)
for _ in range(10):
    use()
before = faults()
for _ in range(20):
    use()
print((faults() - before) * resource.getpagesize())
"""
"""Prints what the function returned and the bytes of pages taken by 20 tensors of 64 MB.

Of the tensors before them a few may each take new pages: glibc sets crumbs that aligning leaves
aside, seven of a size, before it joins them to what lies beside them.
"""

WHOLE = 20 * 64 * 2**20

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


def run(how: str) -> tuple[str, int]:
    """What was returned, and bytes of pages that were taken."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"},
    )
    returned, taken = done.stdout.split()
    return returned, int(taken)


@glibc
def test_what_was_freed_is_taken_again() -> None:
    returned, taken = run("keep")
    assert returned == "True"
    assert taken < WHOLE / 50


@glibc
def test_without_it_every_tensor_is_of_new_pages() -> None:
    """Else the function would be for nothing."""
    returned, taken = run("leave")
    assert returned == "None"
    if taken < WHOLE / 50:
        pytest.skip("the system hands out large pages")
    assert taken > WHOLE / 2


def test_another_library_is_left_alone(monkeypatch) -> None:
    monkeypatch.setattr("bytelatent.distributed.allocator.platform.libc_ver", lambda: ("", ""))
    monkeypatch.setattr(
        "bytelatent.distributed.allocator.ctypes.CDLL", None
    )  # it would fail if called
    assert allocator.keep_freed_memory() is False


RESTARTING = """
import os, sys
from bytelatent.distributed import allocator
print("begins", sys.argv[1:], os.environ.get(allocator.TUNABLES), flush=True)
allocator._gives_huge_pages_to_who_asks = lambda: sys.argv[1] == "there"
allocator.restart_with_huge_pages()
print("works", os.getpid())
"""


def restarted(*words: str, **environment: str) -> list[str]:
    """The lines of a command that asks for huge pages first."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RESTARTING, *words],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path), **environment},
    )
    return done.stdout.splitlines()


def test_a_command_starts_anew_once_with_its_words() -> None:
    first, second, last = restarted("there", "two words", "--option=1")
    assert first == "begins ['there', 'two words', '--option=1'] None"
    assert second == f"begins ['there', 'two words', '--option=1'] {allocator.HUGE_PAGES}"
    assert last.startswith("works ")


def test_where_nobody_gives_huge_pages_it_just_goes_on() -> None:
    assert len(restarted("nowhere")) == 2


def test_settings_of_one_s_own_stay() -> None:
    first, last = restarted("there", GLIBC_TUNABLES="glibc.malloc.check=0")
    assert first.endswith("glibc.malloc.check=0")
    assert last.startswith("works ")


@pytest.mark.parametrize(
    ("library", "enabled", "expected"),
    [
        (("glibc", "2.36"), "always [madvise] never", True),
        (("glibc", "2.35"), "always [madvise] never", True),
        (("glibc", "2.34"), "always [madvise] never", False),
        (("glibc", "2.36"), "[always] madvise never", False),
        (("glibc", "2.36"), "always madvise [never]", False),
        (("glibc", "2.36"), None, False),
        (("", ""), "always [madvise] never", False),
    ],
)
def test_who_gives_huge_pages(tmp_path, monkeypatch, library, enabled, expected) -> None:
    path = tmp_path / "enabled"
    if enabled is not None:
        path.write_text(enabled)
    monkeypatch.setattr(allocator, "TRANSPARENT", path)
    monkeypatch.setattr("bytelatent.distributed.allocator.platform.libc_ver", lambda: library)
    assert allocator._gives_huge_pages_to_who_asks() is expected
