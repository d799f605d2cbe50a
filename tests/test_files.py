"""Files appear whole or not at all."""

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


@pytest.mark.parametrize("content", [b"{", b"\xff"])
def test_damaged_json_is_named(tmp_path, content) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json is no JSON"):
        read_json(tmp_path / "a.json")
