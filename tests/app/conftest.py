"""An app with a fake model and a small gallery."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.models.generator import TextMaker
from app.models.live_model import LiveModel
from app.precompute.examples import write_examples
from app.precompute.traces import write_traces
from app.settings import Settings
from tests.app.fakes import SHAPES, FakeBlt, FakeModel
from tests.app.inspected_fakes import FakeInspected

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """``demo_output`` and ``plot_data`` with one figure in three formats, and an unrecorded one."""
    demo, plot = tmp_path / "demo_output", tmp_path / "plot_data"
    demo.mkdir()
    plot.mkdir()
    (demo / "curve.html").write_text("<!doctype html><script>1</script>", encoding="utf-8")
    (demo / "curve.png").write_bytes(PNG)
    (demo / "curve.pdf").write_bytes(b"%PDF-1.4 nothing")
    (demo / "loss_by-step.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (demo / ".hidden.png").write_bytes(PNG)
    (demo / "notes.md").write_text("not served")
    (plot / "curve.json").write_text('{"a": 1.50}\n', encoding="utf-8")
    (plot / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "secret.json").write_text('{"secret": true}')
    record = {
        "title": "Entropy curve",
        "description": "One text.",
        "producer": "python -m bytelatent.plotting.entropy_figure",
        "data": "curve.json",
    }
    records = {"curve.html": record, "curve.png": record}
    (demo / "artifacts.json").write_text(json.dumps(records), encoding="utf-8")
    return tmp_path


@pytest.fixture
def settings(folders: Path) -> Settings:
    return Settings(
        model_folder=folders / "model",
        blt_folder=folders / "no-blt",
        demo_output=folders / "demo_output",
        plot_data=folders / "plot_data",
        catalogue_max_age=0,
        wait_seconds=0.3,
        max_queued=2,
    )


@pytest.fixture
def fake() -> FakeModel:
    return FakeModel()


@pytest.fixture
def blt() -> FakeBlt:
    return FakeInspected()


@pytest.fixture
def app(settings: Settings, fake: FakeModel, blt: FakeBlt) -> Flask:
    model = LiveModel(fake, max_queued=settings.max_queued, wait_seconds=settings.wait_seconds)
    write_examples(model, settings.examples_file)
    maker = TextMaker(blt, SHAPES)
    write_traces(maker, settings.traces_file)
    blt.asked.clear()
    return create_app(settings, model, maker)


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.fixture
def without_model(settings: Settings) -> Iterator[FlaskClient]:
    with create_app(settings).test_client() as client:
        yield client
