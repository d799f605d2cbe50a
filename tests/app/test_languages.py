"""``python -m app.precompute languages``: what is measured, what is read back, what is refused."""

import json
from pathlib import Path

import pytest

from app.models.live_model import LiveModel
from app.models.threshold_curve import Calibration
from app.precompute.languages import TEXTS, main, write_languages
from app.settings import Settings
from app.stored.language_file import LanguageFile, Languages
from bytelatent.tokenizers import bpe
from tests.app.fakes import FakeModel


def test_what_is_written_is_read(tmp_path: Path) -> None:
    pytest.importorskip("quicktok")
    path = tmp_path / "languages.json"
    calibration = Calibration(languages=frozenset({"en", "de"}))
    count = write_languages(LiveModel(FakeModel()), calibration, path)
    found = LanguageFile(path).read()
    texts = json.loads(TEXTS.read_text(encoding="utf-8"))["texts"]
    assert found.model == "fake"
    assert [row.lang for row in found.rows] == [text["lang"] for text in texts]
    assert len(found.rows) == count
    assert [row.bytes for row in found.rows] == [len(text["text"].encode()) for text in texts]
    assert [row.lang for row in found.rows if row.in_mix] == ["en", "de"]
    english = found.rows[0]
    words = texts[0]["text"].count(" ") + 1  # the fake is unsure after a space
    assert english.pieces["entropy"] == words
    assert english.mean("entropy") == pytest.approx(english.bytes / words)
    assert 4 < english.mean("cl100k_base") < 7
    records = json.loads((tmp_path / "artifacts.json").read_text(encoding="utf-8"))
    assert records["languages.json"]["producer"] == "python -m app.precompute languages"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"model": "a", "source": "b", "languages": [{"lang": "en"}]}',
        '{"model": "a", "source": "b", "languages": [{"lang": "en", "name": "English", "bytes": 0,'
        '"in_mix": true, "pieces": {"entropy": 1, "cl100k_base": 1, "o200k_base": 1}}]}',
    ],
)
def test_a_damaged_file_counts_as_empty(tmp_path: Path, content: str) -> None:
    path = tmp_path / "languages.json"
    path.write_text(content)
    assert LanguageFile(path).read() == Languages()


def test_without_bpe_there_are_no_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bpe, "_LOADED", {})
    monkeypatch.setattr(bpe, "find_spec", lambda name: None)
    monkeypatch.setattr(LiveModel, "load", lambda settings: LiveModel(FakeModel()))
    path = tmp_path / "languages.json"
    assert main(["--output", str(path)]) == 1
    assert "quicktok-v1" in capsys.readouterr().err
    assert not path.exists()


def test_the_stored_figures_are_those_of_the_shipped_model() -> None:
    """Run ``python -m app.precompute languages`` after a change of the model or the text."""
    pytest.importorskip("quicktok")
    defaults = Settings()
    stored = LanguageFile(defaults.plot_data / "languages.json").read()
    assert stored.model == defaults.model_folder.name
    texts = json.loads(TEXTS.read_text(encoding="utf-8"))["texts"]
    assert len(stored.rows) == len(texts)
    for row, text in zip(stored.rows, texts, strict=True):
        assert row.bytes == len(text["text"].encode())
        for name in bpe.BUNDLED:
            assert row.pieces[name] == len(bpe.piece_lengths(name, text["text"]))
