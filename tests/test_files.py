"""Files appear whole or not at all, and what the system refuses is said in a sentence."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from bytelatent.files import read_json, replacing, write_json, write_text


def test_an_error_leaves_the_old_file_and_no_other(tmp_path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half of")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert read_json(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf8_with_plain_newlines(tmp_path) -> None:
    write_text(tmp_path / "sub" / "a.txt", "é\n")
    assert (tmp_path / "sub" / "a.txt").read_bytes() == b"\xc3\xa9\n"


def test_nan_is_no_json(tmp_path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 200_000, b'{"a": %s}' % (b"1" * 5000)])
def test_damaged_json_is_named(tmp_path, content) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json is no JSON"):
        read_json(tmp_path / "a.json")


WRITE_TOO_MUCH = """
import resource, signal, sys
from bytelatent.files import write_text
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(sys.argv[1], "x" * 5000)
except ValueError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    done = subprocess.run(
        [sys.executable, "-c", WRITE_TOO_MUCH, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{path} cannot be written: File too large\n"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_system_refuses_names_the_file(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"a\.json cannot be written: Not a directory"):
        write_json(tmp_path / "file" / "sub" / "a.json", 1)
    with pytest.raises(ValueError, match=r"cannot be read: Is a directory$"):
        read_json(tmp_path)
    with pytest.raises(ValueError, match=r"none\.json does not exist$"):
        read_json(tmp_path / "none.json")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "a.json"))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ValueError, match=r"a\.json cannot be read: Permission denied$"):
        read_json(tmp_path / "a.json")
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(ValueError, match=r"a\.json cannot be written: Permission denied$"):
        write_json(tmp_path / "a.json", 1)
