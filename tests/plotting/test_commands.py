"""What all plotting commands have in common."""

import json
import re
import subprocess
import sys

import pytest

from bytelatent.plotting import entropy_histogram, libraries
from bytelatent.plotting.all import COMMANDS
from bytelatent.plotting.all import main as run_all

OUT = {
    "calibration_curve": {"html", "png", "pdf"},
    "entropy_figure": {"html", "png", "pdf"},
    "entropy_histogram": {"html", "png", "pdf"},
    "kinds": {"html", "png", "pdf"},
    "patch_overlay": {"html", "png"},
    "sentence_boundaries": {"html", "png", "pdf"},
    "training_curve": {"html", "png", "pdf"},
}
BUNDLE = "plotly-basic.min.js"
STUDY = {"patch_histograms", "flops_by_part"}
"""Figures of the scaling study that need neither runs nor the paper's numbers."""
EACH = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
ODD_TEXTS = {
    "empty": b"",
    "NUL": b"a\x00b",
    "broken UTF-8": b"\xff\xfe caf\xc3 \x80\x80",
    "emoji": "👩‍💻😀 end".encode(),
    "right to left": "אבג مرحبا \u202eabc".encode(),
    "line separators": "a\u2028b\u2029c\x85d".encode(),
    "markup": b"<b>&amp;</script><!-- $x^2$ %{y} {}",
    "combining": "e\u0301 \u0301".encode(),
    "line ends": b"\r\n\n\t\n",
}


@EACH
def test_writes_its_files_and_records_them(command, place, words, capsys):
    assert place.run(command, *words(command.name)) == 0
    names = {f"{command.name}.{suffix}" for suffix in OUT[command.name]}
    index = json.loads(place.page("artifacts.json"))
    assert set(index) == names
    copied = {BUNDLE} if BUNDLE in place.page(f"{command.name}.html") else set()
    there = names | {"artifacts.json", "thumbnails"} | copied
    assert {path.name for path in place.out.iterdir()} == there
    assert (place.out / "thumbnails" / f"{command.name}.webp").stat().st_size < 100_000
    for entry in index.values():
        assert set(entry) == {"title", "description", "producer", "data"}
        assert entry["data"] == f"{command.name}.json"
        assert entry["producer"].startswith(f"python -m bytelatent.plotting.{command.name}")
        assert "--out" not in entry["producer"] and entry["title"] and entry["description"]
    assert place.read("artifacts.json")[f"{command.name}.json"]["data"] is None
    printed = capsys.readouterr().out.splitlines()
    assert set(printed) == {str(place.out / name) for name in names | copied} | {
        str(place.data / f"{command.name}.json")
    }


@EACH
def test_two_runs_write_the_same_bytes(command, place, second_place, words):
    for target in (place, second_place):
        assert target.run(command, *words(command.name)) == 0
    assert place.contents() == second_place.contents()


@pytest.mark.usefixtures("no_images")
@EACH
def test_pages_refer_to_no_other_host(command, place, words):
    place.run(command, *words(command.name))
    page = place.page(f"{command.name}.html")
    assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", page, re.IGNORECASE)
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) <= {BUNDLE}
    assert "prefers-color-scheme: dark" in page
    assert "eval(" not in page and "new Function" not in page


@pytest.mark.usefixtures("no_images")
def test_a_page_in_another_folder_has_its_chart_library(place, words, capsys):
    for _ in range(2):
        assert place.run(COMMANDS[0], *words(COMMANDS[0].name)) == 0
        page = place.page("entropy_figure.html")
        (source,) = re.findall(r'src="([^"]*)"', page)
        assert (place.out / source).read_bytes() == libraries.STORED.read_bytes()
        assert f'"library":"{source}"' in page
        assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("no_images")
def test_a_page_keeps_the_library_of_its_gallery(place, words):
    library = place.out / libraries.LIBRARY
    library.resolve().parent.mkdir(parents=True)
    place.out.mkdir()
    library.write_text("")
    assert place.run(COMMANDS[0], *words(COMMANDS[0].name)) == 0
    assert f'src="{libraries.LIBRARY}"' in place.page("entropy_figure.html")
    assert not (place.out / BUNDLE).exists()


@pytest.mark.usefixtures("no_images")
def test_a_chart_without_its_library_is_said(place, words, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(libraries, "STORED", tmp_path / "none" / BUNDLE)
    assert place.run(COMMANDS[0], *words(COMMANDS[0].name)) == 0
    error = capsys.readouterr().err
    assert "has no chart until plotly-basic.min.js" in error and error.count("\n") == 1


@pytest.mark.usefixtures("no_images")
@EACH
def test_numbers_are_finite_and_short(command, place, words):
    place.run(command, *words(command.name))
    text = (place.data / f"{command.name}.json").read_text(encoding="utf-8")
    assert "NaN" not in text and "Infinity" not in text
    assert not re.search(r"\d\.\d{6,}", text)


@EACH
def test_missing_model_is_one_line_that_names_the_file(command, place, tmp_path, capsys):
    words = ["--model", str(tmp_path / "none"), *place.options]
    assert command.main(words) == 1
    error = capsys.readouterr().err
    files = {"training_curve": "metrics.jsonl", "calibration_curve": "calibration.json"}
    files["kinds"] = "evaluation.json"
    assert str(tmp_path / "none" / files.get(command.name, "entropy.onnx")) in error
    assert error.count("\n") == 1


@EACH
def test_unknown_option_is_one_line(command, place, capsys):
    with pytest.raises(SystemExit) as stopped:
        place.run(command, "--thresholds", "1")
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert "--thresholds" in error and error.count("\n") == 1


@EACH
def test_help_names_every_option(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert all(option in text for option in ("--model", "--out", "--data"))


@pytest.mark.parametrize("name", ["entropy_figure", "patch_overlay"])
@pytest.mark.parametrize("data", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_any_text_is_drawn(name, data, place, tmp_path):
    command = next(command for command in COMMANDS if command.name == name)
    (tmp_path / "text").write_bytes(data)
    assert place.run(command, "--text-file", str(tmp_path / "text")) == 0
    values = place.read(f"{name}.json")
    assert bytes(token - 4 for token in values["tokens"][1:]) == data
    assert values["bytes"] == len(data)
    assert "</script><!--" not in place.page(f"{name}.html")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--threshold", "-1"], "threshold"),
        (["--threshold", "nan"], "threshold"),
        (["--text", "\ud800"], "surrogate"),
        (["--text", "x" * 65537], "--text"),
        (["--text-file", "no/such/file"], "no/such/file"),
    ],
)
def test_bad_input_is_one_line_that_names_it(words, named, place, capsys):
    assert place.run(COMMANDS[0], *words) == 1
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1
    assert not place.root.exists()


def test_broken_bytes_on_the_command_line_arrive(place):
    assert place.run(COMMANDS[0], "--text", "a\udcff") == 0
    assert place.read("entropy_figure.json")["tokens"] == [1, 0x61 + 4, 0xFF + 4]


@pytest.fixture
def quick_sample(monkeypatch, small_sample):
    monkeypatch.setattr(entropy_histogram, "DEFAULT_SAMPLE", (small_sample,))


@pytest.mark.usefixtures("quick_sample", "calibration", "evaluation")
def test_all_makes_everything_from_one_model(place, model, metrics, capsys):
    loads = []
    words = ["--model", str(metrics.parent), *place.options]
    assert run_all(words, load=lambda path: loads.append(path) or model) == 0
    assert loads == [metrics.parent]
    expected = {f"{name}.{suffix}" for name, suffixes in OUT.items() for suffix in suffixes}
    expected |= {f"{name}.{suffix}" for name in STUDY for suffix in ("html", "png", "pdf")}
    assert set(json.loads(place.page("artifacts.json"))) == expected
    data = len(OUT) + len(STUDY) + 1  # patch_lengths is data alone
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(expected) + data + 1  # the chart library


@pytest.mark.usefixtures("quick_sample")
def test_all_goes_on_after_a_failure(place, model, tmp_path, capsys):
    words = ["--model", str(tmp_path), *place.options]
    assert run_all(words, load=lambda _: model) == 1
    assert "metrics.jsonl" in capsys.readouterr().err
    assert (place.out / "patch_overlay.png").is_file()


def test_importing_starts_nothing_and_loads_no_torch():
    code = (
        "import sys, bytelatent.plotting.all; "
        "print([m for m in ('torch', 'matplotlib.pyplot') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("[]\n", "")
