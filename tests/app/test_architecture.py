"""A model's parts: figures are those of the formulas, and the diagram shows them."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.drawing.architecture_svg import DrawnText, blt_flops, draw, live, meta, nearest, short
from app.models.architectures import CONTEXT, Architectures, Subject, architecture
from app.precompute.diagram import PICTURE, main, picture, stand_alone_style
from app.settings import Settings
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.flops_per_byte import flops_per_byte
from bytelatent.architecture.parameters import blt_parameters, entropy_parameters
from bytelatent.architecture.published import BLT_1B, ENTROPY_MODEL

ONE = Subject("blt-1b", BLT_1B, ENTROPY_MODEL)
TEXT = DrawnText("the <cat>", (0, 4, 5, 3, 8, 1, 2, 6, 7))
LOCAL = {"dim": 16, "n_heads": 2, "n_layers": 1, "multiple_of": 16, "window": 32}
CONFIG = {
    "encoder": LOCAL | {"cross_attention": "last"},
    "decoder": LOCAL | {"n_layers": 3, "cross_attention": "all"},
    "global_model": {"dim": 32, "n_heads": 2, "n_layers": 2, "multiple_of": 32},
    "cross_heads": 2,
    "hashes": {"sizes": [3, 4], "buckets": 50},
}
ENTROPY_CONFIG = {"dim": 32, "n_layers": 2, "n_heads": 2, "sliding_window": 64}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A folder with a model of ours, as far as the page looks at it."""
    folder = tmp_path / "my-blt"
    cutter = folder / "entropy_model"
    cutter.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"args": CONFIG}))
    (cutter / "config.json").write_text(json.dumps({"args": ENTROPY_CONFIG}))
    patcher = {"patching_mode": "entropy", "threshold": 1.25, "patch_size": 4.5}
    (folder / "train_args.json").write_text(json.dumps({"data": {"patcher_args": patcher}}))
    rules = {"entropy": {"threshold": 1.25, "bytes_per_patch": 5.104}}
    (folder / "calibration.json").write_text(json.dumps({"rules": rules}))
    return Settings(blt_folder=folder, plot_data=tmp_path)


@pytest.mark.parametrize("size", [1.0, 4.5, 16.0])
def test_flops_are_those_of_the_formulas(size: float) -> None:
    shape = architecture(ONE, ["blt-1b"])
    expected = flops_per_byte(BLT_1B, patch_size=size, context=CONTEXT, entropy_model=ENTROPY_MODEL)
    place = shape.patch_sizes.index(size)
    found = {part.key: part.flops[place] for part in shape.parts}
    assert found.pop("embeddings") == 0
    assert found == pytest.approx(asdict(expected), abs=0.06)
    assert blt_flops(shape, place) == pytest.approx(expected.blt, abs=1)


def test_parameters_are_those_of_the_model() -> None:
    shape = architecture(ONE, ["blt-1b"])
    parts = {part.key: part.parameters for part in shape.parts}
    assert parts.pop("entropy_model") == entropy_parameters(ENTROPY_MODEL)
    assert sum(parts.values()) == shape.parameters == blt_parameters(BLT_1B).total


def test_the_loaded_model_comes_first(settings: Settings) -> None:
    known = Architectures(settings)
    assert list(known.by_name) == ["my-blt", "blt-1b", "blt-8b"]
    shape = known.by_name[known.first]
    assert (shape.loaded, shape.bytes_per_patch, shape.threshold) == (True, 5.1, 1.25)
    assert (shape.hash_sizes, shape.hash_buckets) == ([3, 4], 50)
    found = {part.key: (part.layers, part.width, part.sees) for part in shape.parts}
    assert found == {
        "entropy_model": (2, 32, 64),
        "embeddings": (None, 16, None),
        "encoder": (1, 16, 32),
        "encoder_cross": (1, 16, None),
        "global_model": (2, 32, None),
        "decoder_cross": (3, 16, 2),
        "decoder": (3, 16, 32),
    }


def test_a_folder_named_like_a_published_model_is_the_one_shown(settings: Settings) -> None:
    folder = settings.blt_folder.rename(settings.blt_folder.with_name("blt-8b"))
    known = Architectures(replace(settings, blt_folder=folder))
    assert list(known.by_name) == ["blt-8b", "blt-1b"]
    assert known.by_name["blt-8b"].loaded


@pytest.mark.parametrize("content", ["{", '{"args": {"dim": 3}}', "[]"])
def test_a_damaged_config_leaves_the_published_models(
    settings: Settings, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (settings.blt_folder / "config.json").write_text(content)
    known = Architectures(settings)
    assert known.first == "blt-1b"
    assert not known.by_name["blt-1b"].loaded
    assert "config.json" in caplog.text


def test_a_rule_without_entropies_needs_no_entropy_model(settings: Settings) -> None:
    train_args = {"data": {"patcher_args": {"patching_mode": "space"}}}
    (settings.blt_folder / "train_args.json").write_text(json.dumps(train_args))
    (settings.blt_folder / "calibration.json").unlink()
    shape = Architectures(settings).by_name["my-blt"]
    assert "entropy_model" not in [part.key for part in shape.parts]
    assert shape.bytes_per_patch == 4.5


def test_parts_that_a_model_has_not_are_not_shown() -> None:
    local = LOCAL | {"cross_attention": "none"}
    args = ByteLatentTransformerArgs.model_validate(
        CONFIG | {"encoder": local, "decoder": local, "hashes": {"sizes": []}}
    )
    shape = architecture(Subject("plain", args, None), ["plain"])
    keys = ["embeddings", "encoder", "global_model", "decoder_cross", "decoder"]
    assert [part.key for part in shape.parts] == keys
    assert [meta(part, shape) for part in shape.parts][3] == "added to the bytes"
    assert draw(shape, TEXT).count('class="part"') == 5


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (999, "999"), (1000, "1.00 k"), (26_216_448, "26.2 M"), (601e6, "601 M"),
        (9.996e6, "10.0 M"), (99.96e6, "100 M"), (999.6e6, "1.00 G"), (1.01e9, "1.01 G"),
    ],
)  # fmt: skip
def test_large_numbers_for_people(number: float, text: str) -> None:
    assert short(number) == text


def test_fewer_patches_when_they_are_longer() -> None:
    assert TEXT.starts(1) == list(range(9))
    assert TEXT.starts(3) == [0, 4, 5]
    assert TEXT.starts(16) == [0]
    assert [live(TEXT, size).count('class="lane') for size in (1, 3, 16)] == [10, 4, 2]


def test_a_byte_is_drawn_from_the_patch_before_its_own() -> None:
    cells = re.findall(r'class="cell (\w+)" x="[\d.]+" y="(\d+)"', live(TEXT, 3))
    rows: dict[str, list[str]] = {}
    for colour, y in cells:
        rows.setdefault(y, []).append(colour)
    own, source = rows.values()
    assert own == ["bos", *["p0"] * 4, "p1", *["p2"] * 4]
    assert source == [*["bos"] * 4, "p0", *["p1"] * 4]


@pytest.mark.parametrize("style", ["", "text{fill:red}"])
def test_the_diagram_is_xml_with_every_figure(style: str) -> None:
    shape = architecture(ONE, ["blt-1b"])
    svg = draw(shape, TEXT, style=style)
    root = ElementTree.fromstring(svg)
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    size = nearest(shape.patch_sizes, 4.5)
    for part in shape.parts:
        assert {part.title, meta(part, shape), short(part.flops[size])} <= set(texts)
    assert "<" in texts
    assert (svg.count("<a "), svg.count("<style>")) == ((0, 1) if style else (7, 0))
    assert "style=" not in svg


def test_the_picture_has_the_colours_of_the_page() -> None:
    style = stand_alone_style()
    used = set(re.findall(r"var\((--[\w-]+)\)", style))
    light, dark = re.findall(r"svg\{([^}]*)\}", style)
    for block in (light, dark):
        names = set(re.findall(r"(--[\w-]+):", block))
        assert used - {"--tint", "--strong"} <= names | {"--sans", "--mono"}
    assert "--sans" in light


def test_the_picture_of_the_readme_is_what_the_command_makes() -> None:
    assert picture(Settings(), "blt-1b") == PICTURE.read_text(encoding="utf-8"), "make figures"


def test_the_command(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "a.svg"
    assert main(["--folder", str(settings.blt_folder), "--output", str(out)]) == 0
    assert "my-blt" in out.read_text(encoding="utf-8")
    assert main(["--model", "blt-8b", "--output", str(out)]) == 0
    assert "32 layers × 4096" in out.read_text(encoding="utf-8")
    assert main(["--model", "blt-9b", "--output", str(out)]) == 1
    assert "error: --model: 'blt-9b' is none of" in capsys.readouterr().err
