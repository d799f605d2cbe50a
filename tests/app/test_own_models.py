"""Models of one's own: found by their files, described truly, and shown by the real server."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.models.loaded_models import ModelState, describe
from app.models.own_models import kind_of, with_own_model
from app.schemas.model import Models
from app.settings import DEFAULT_MODEL, Settings
from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.exporting.folders import export_entropy
from bytelatent.patching.patcher import DEFAULT_THRESHOLD
from bytelatent.runtime import EntropyRuntime
from bytelatent.transformer import LMTransformer
from tests.app.servers import serving

NAME = "<script>alert(1)</script> & mine"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported entropy model in a folder with a name that must not become HTML."""
    folder = tmp_path_factory.mktemp("models") / NAME.replace("/", "⁄")
    args = LMTransformerArgs(dim=32, n_layers=2, n_heads=2, multiple_of=32, sliding_window=64)
    model = LMTransformer(args)
    model.init_weights()
    model.save_pretrained(folder)
    export_entropy(model.eval(), folder)
    (folder / "README.md").write_text("---\ntags: [a]\nlicense: mit\n---\n\n# Mine <b>\n")
    return folder


def test_kinds(own: Path, tmp_path: Path) -> None:
    assert kind_of(own) == kind_of(DEFAULT_MODEL) == "entropy"
    assert kind_of(tmp_path) == kind_of(tmp_path / "nothing") == "entropy"
    (tmp_path / "config.json").write_text('{"args": {"dim_global": 64}}')
    assert kind_of(tmp_path) == "blt"
    (tmp_path / "config.json").write_text("[")
    assert kind_of(tmp_path) == "entropy"
    (tmp_path / "decoder.onnx").touch()
    assert kind_of(tmp_path) == "blt"


def test_an_entropy_model_of_ones_own(own: Path) -> None:
    found = with_own_model(Settings(own_model=own))
    assert (found.model_folder, found.blt_folder) == (own, Settings().blt_folder)
    assert with_own_model(Settings()) == Settings()


def test_a_blt_brings_its_entropy_model_or_uses_the_shipped_one(own: Path, tmp_path: Path) -> None:
    blt = tmp_path / "blt"
    blt.mkdir()
    (blt / "global.onnx").touch()
    found = with_own_model(Settings(own_model=blt))
    assert (found.model_folder, found.blt_folder) == (DEFAULT_MODEL, blt)
    (blt / "train_args.json").write_text(json.dumps({"patcher_model": str(own)}))
    assert with_own_model(Settings(own_model=blt)).model_folder == own
    (blt / "train_args.json").write_text("{}")
    (blt / "entropy_model").mkdir()
    assert with_own_model(Settings(own_model=blt)).model_folder == DEFAULT_MODEL
    (blt / "entropy_model" / "entropy.onnx").touch()
    assert with_own_model(Settings(own_model=blt)).model_folder == blt / "entropy_model"


def test_the_real_server_shows_it(own: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log.txt", "--model", str(own)) as served:
        status, body = served.get("/api/model")
        assert status == 200
        found = Models.model_validate_json(body).entropy
        assert found.loaded
        assert found.name == own.name
        assert found.config
        part = found.config.parts[0]
        assert (part.layers, part.width, part.heads, part.window) == (2, 32, 2, 64)
        assert found.parameters == sum(
            p.numel() for p in LMTransformer.from_pretrained(own).parameters()
        )
        assert found.bytes == sum(path.stat().st_size for path in own.iterdir())
        assert found.licence == "mit"
        assert found.card
        status, headers, card = served.request("GET", found.card)
        assert card.decode().endswith("# Mine <b>\n")
        assert headers["Content-Type"] == "text/markdown; charset=utf-8"
        assert served.patches() == 200
        page = served.get("/")[1].decode()
        assert "<script>alert" not in page


def test_the_shipped_model(client: FlaskClient, settings: Settings) -> None:
    shipped = replace(settings, model_folder=DEFAULT_MODEL)
    with create_app(shipped).test_client() as own_client:
        response = own_client.get("/api/model")
        found = Models.model_validate_json(response.data)
    assert found.entropy.parameters == 5_705_984
    assert found.entropy.licence == "apache-2.0"
    assert found.entropy.calibration
    rules = {rule.rule: rule for rule in found.entropy.calibration.rules}
    assert rules["entropy"].threshold == found.entropy.threshold
    assert "en" in found.entropy.calibration.languages
    assert {"entropy.onnx", "config.json"} <= {file.name for file in found.entropy.files}
    assert not found.blt.loaded


@pytest.fixture
def nameless(own: Path, tmp_path: Path) -> Path:
    """The model in a folder as the trainer names it, with the threshold of Meta."""
    folder = tmp_path / "my-run" / "model"
    shutil.copytree(own, folder)
    patcher = {"threshold": DEFAULT_THRESHOLD, "patching_mode": "entropy"}
    args = {"name": "novels <small>", "data": {"patcher_args": patcher}}
    (folder / "train_args.json").write_text(json.dumps(args))
    return folder


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (None, "novels <small>"),
        ('{"data": {"patcher_args": {"threshold": 1}}}', "my-run"),
        ('{"name": " ", "data": {"patcher_args": {"threshold": 1}}}', "my-run"),
        ('{"name": 7, "data": {"patcher_args": {"threshold": 1}}}', "my-run"),
    ],
)
def test_a_folder_called_model_does_not_name_one(
    nameless: Path, settings: Settings, text: str | None, name: str
) -> None:
    if text is not None:
        (nameless / "train_args.json").write_text(text)
    assert EntropyRuntime.load(nameless).name == name
    with create_app(replace(settings, model_folder=nameless)).test_client() as client:
        assert client.get("/api/model").get_json()["entropy"]["name"] == name
        assert client.post("/api/patches", json={"text": "a"}).get_json()["model"] == name


def test_a_threshold_that_is_not_calibrated_is_said(
    nameless: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with create_app(replace(settings, model_folder=nameless)).test_client() as client:
        assert client.get("/api/model").get_json()["entropy"]["calibrated"] is False
        for page in ("/", "/model"):
            text = client.get(page).text
            assert "not calibrated" in text
            assert "bytelatent calibrate MODEL" in text
    assert f"bytelatent calibrate {nameless} --data TEXT --write" in caplog.text
    caplog.clear()
    (nameless / "calibration.json").write_text("{}")
    with create_app(replace(settings, model_folder=nameless)).test_client() as client:
        assert client.get("/api/model").get_json()["entropy"]["calibrated"] is True
        assert "not calibrated" not in client.get("/").text
    assert "calibrate" not in caplog.text


def test_without_any_file(client: FlaskClient) -> None:
    response = client.get("/api/model")
    found = Models.model_validate_json(response.data)
    assert found.entropy.bytes == 0
    assert found.entropy.config is None
    headers = {"If-None-Match": response.headers["ETag"]}
    assert client.get("/api/model", headers=headers).status_code == 304
    for kind in ("entropy", "blt", "other", "..%2f..%2fREADME.md"):
        assert client.get(f"/api/model/{kind}/card").status_code == 404


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "[]"),
        ("config.json", '{"args": {"dim": "wide"}}'),
        ("calibration.json", '{"rules": {"entropy": 3}, "bytes": []}'),
        ("calibration.json", '{"rules": {"entropy": {"threshold": -1, "bytes_per_patch": "x"}}}'),
        (
            "train_args.json",
            '{"data": {"patcher_args": {"threshold": "high", "patching_mode": 1}}}',
        ),
        ("README.md", "---\nlicense\n---\n"),
    ],
)
def test_damaged_files_are_left_out(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    found = describe(tmp_path, "entropy", ModelState(False, "why")).description
    assert (found.config, found.calibration, found.threshold) == (None, None, None)
    assert (found.licence, found.reason) == (None, "why")
