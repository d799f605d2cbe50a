"""Training curves."""

import json

import pytest

from bytelatent.plotting.training_curve import COMMAND, read_curve


def test_held_out_points_stand_at_the_bytes_of_their_step(metrics):
    curve = read_curve(metrics)
    assert curve.model == "run"
    assert curve.valid_bytes == [10_000, 20_000, 30_000]
    assert len(curve.train) == len(curve.bytes) == len(curve.smoothed) == 30
    assert curve.smoothed[0] == curve.train[0]
    assert min(curve.train) <= min(curve.smoothed) <= max(curve.smoothed) <= max(curve.train)


@pytest.mark.usefixtures("no_images")
def test_data_holds_raw_smoothed_and_held_out(place, metrics):
    place.run(COMMAND, "--metrics", str(metrics))
    values = place.read("training_curve.json")
    assert len({len(series) for series in values["train"].values()}) == 1
    assert len(values["valid"]["bytes"]) == len(values["valid"]["bits_per_byte"]) == 3


@pytest.mark.usefixtures("no_images")
def test_without_a_model_both_shipped_ones_are_drawn(place):
    assert place.run(COMMAND) == 0
    both = [place.read(f"{name}.json") for name in ("training_curve", "blt_training_curve")]
    assert [values["model"] for values in both] == ["blt-entropy-mini", "blt-mini"]


@pytest.mark.usefixtures("no_images")
def test_a_run_that_is_named_stands_alone(place, metrics):
    place.run(COMMAND, "--metrics", str(metrics))
    assert not (place.data / "blt_training_curve.json").exists()


def test_a_cut_last_line_and_foreign_lines_are_left_out(metrics):
    with metrics.open("a") as file:
        file.write('7\n{"note": "x"}\n{"step": 400, "bytes": null, "bits_per_byte": 1}\n{"step": 5')
    assert len(read_curve(metrics).train) == 30


def test_one_point_without_held_out_text_is_enough(place, tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"step": 1, "bytes": 10, "bits_per_byte": 8.0}) + "\n")
    assert place.run(COMMAND, "--metrics", str(path)) == 0


@pytest.mark.parametrize("content", [None, b"", b"\xff", b'{"step": 1}\n'])
def test_a_file_without_points_is_named(content, place, tmp_path, capsys):
    path = tmp_path / "metrics.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert place.run(COMMAND, "--metrics", str(path)) == 1
    error = capsys.readouterr().err
    assert "--metrics" in error and str(path) in error and error.count("\n") == 1


def write_rounds(path, rounds):
    """A run in rounds: (steps, bytes of a step, learning rates at its log lines)."""
    lines, step, size = [], 0, 0
    for bytes_of_step, rates in rounds:
        for lr in rates:
            step, size = step + 10, size + 10 * bytes_of_step
            lines.append({"step": step, "bytes": size, "bits_per_byte": 3 - step / 200, "lr": lr})
        lines.append({"step": step, "valid_bits_per_byte": 3.1 - step / 200})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return lines


def test_a_run_in_rounds_shows_where_each_began(tmp_path, place):
    path = tmp_path / "metrics.jsonl"
    write_rounds(path, [(5, [0.5, 1, 1, 0.1]), (20, [0.2, 0.9, 0.9, 0.1]), (20, [1, 0.5])])
    curve = read_curve(path)
    assert curve.rounds == [200, 1000]
    assert curve.bytes == sorted(curve.bytes) and curve.valid_bytes == [200, 1000, 1400]
    assert place.run(COMMAND, "--metrics", str(path)) == 0
    assert place.read("training_curve.json")["rounds"]["bytes"] == [200, 1000]
    assert '"dash"' in place.page("training_curve.html")


def test_a_run_of_one_round_has_no_line(metrics):
    assert read_curve(metrics).rounds == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "null"])
def test_a_run_that_went_to_nan_does_not_look_like_one_that_stopped(value, metrics, place):
    finite = read_curve(metrics)
    assert finite.not_finite is None and finite.last == finite.bytes[-1]
    with metrics.open("a") as file:
        for step in (310, 320):
            file.write(f'{{"step": {step}, "bytes": {step * 100}, "bits_per_byte": {value}}}\n')
    curve = read_curve(metrics)
    assert curve.bytes == finite.bytes and (curve.not_finite, curve.last) == (31_000, 32_000)
    assert place.run(COMMAND, "--metrics", str(metrics)) == 0
    assert place.read("training_curve.json")["not_finite"] == {"bytes": 31_000}
    page = place.page("training_curve.html")
    assert "<dt>not finite</dt><dd>from 31,000 to 32,000 bytes</dd>" in page


def test_steps_that_were_run_again_count_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = write_rounds(path, [(5, [1, 1, 1, 0.5])])
    again = [{**lines[2], "bits_per_byte": 9.0}, {"step": 40, "valid_bits_per_byte": 8.0}]
    with path.open("a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in again))
    curve = read_curve(path)
    assert curve.train[2] == 9.0 and len(curve.train) == 4
    assert curve.valid == [8.0] and curve.rounds == []
    assert curve.bytes == [50, 100, 150, 200]
