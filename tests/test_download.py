"""``python download_blt_weights.py``: what it asks of the hub, and what it says."""

import pytest

import download_blt_weights


@pytest.fixture
def asked(monkeypatch) -> list:
    calls: list = []

    def download(repository, *, to):
        if repository.endswith("7b"):
            raise ValueError(f"{repository} is gated: accept its licence")
        calls.append((repository, str(to)))
        return to

    monkeypatch.setattr(download_blt_weights, "download", download)
    return calls


def test_each_goes_into_its_own_folder(asked, capsys) -> None:
    assert download_blt_weights.main(["blt-entropy", "blt-1b"]) == 0
    assert asked == [
        ("facebook/blt-entropy", "hf-weights/blt-entropy"),
        ("facebook/blt-1b", "hf-weights/blt-1b"),
    ]
    assert capsys.readouterr().out == "hf-weights/blt-entropy\nhf-weights/blt-1b\n"


def test_all_of_them_and_what_is_gated(asked, capsys) -> None:
    assert download_blt_weights.main(["--to", "there"]) == 1
    assert asked == [("facebook/blt-1b", "there/blt-1b")]
    assert capsys.readouterr().err == "error: facebook/blt-7b is gated: accept its licence\n"


def test_unknown_names_are_a_usage_error(asked, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        download_blt_weights.main(["blt-2b"])
    assert stop.value.code == 2
    assert "'blt-2b' is none of blt-1b, blt-7b, blt-entropy, blt" in capsys.readouterr().err
    assert not asked
