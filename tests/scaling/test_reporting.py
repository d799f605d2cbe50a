"""The report: from no records, from some and from all, and the document in step with it."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from bytelatent.config import check_args, load_args
from bytelatent.files import read_json
from bytelatent.scaling.__main__ import main
from bytelatent.scaling.answers import number
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.grid import merged
from bytelatent.scaling.reporting import BEGIN, END, Report, markdown, report_of, write_report
from tests.scaling import made_up

ROOT = Path(__file__).parents[2]
CONFIG = "bytelatent/configs/scaling/cpu.yaml"


@pytest.fixture
def args(tmp_path: Path) -> ScalingArgs:
    """The shipped study, its records in a temporary folder with the paper's numbers beside."""
    found = load_args(ScalingArgs, [f"config={ROOT / CONFIG}"])
    data = tmp_path / "plot_data"
    data.mkdir()
    shutil.copy(ROOT / "plot_data" / "paper.json", data)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "scaling.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    changes = {"out": data / "scaling", "fit": {"draws": 20}}
    return check_args(ScalingArgs, merged(found.model_dump(), changes))


def sections(report: Report) -> dict[str, str]:
    return {one.id: " ".join(one.text) for one in report.sections}


def test_nothing_was_run(args: ScalingArgs) -> None:
    data, document = write_report(args)
    report = read_json(data)
    assert "nothing to report" in report["head"]
    assert report["sections"] == []
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert not list(args.out.glob("*"))


def test_one_budget_claims_nothing(args: ScalingArgs) -> None:
    made_up.write(args.out, budgets=1, extras=False)
    write_report(args)
    report = report_of(args)
    found = sections(report)
    assert report.head.startswith("10 of the 30 planned runs")
    assert args.remarks and found["runs"].endswith(" ".join(args.remarks))
    assert any(f"bpe at {number(args.budgets['c4'].flops)} FLOPs" in x for x in report.lacking)
    assert any("Ablations not run yet: patch-size-4" in one for one in report.lacking)
    assert "Measured bits per byte above" in found["training"]
    assert "nothing is claimed" in found["training"] and "nothing is claimed" in found["inference"]
    assert "Nothing is claimed" in found["moves"] or "nothing is claimed" in found["moves"]


def test_two_points_of_a_family_are_no_band(args: ScalingArgs) -> None:
    made_up.write(args.out, budgets=2, extras=False)
    for path in args.out.glob("*-s1.json"):
        path.unlink()
    write_report(args)
    found = sections(report_of(args))
    assert "need 3 runs each" in found["training"]


def test_all_records_answer_the_questions(args: ScalingArgs) -> None:
    made_up.write(args.out)
    write_report(args)
    report = report_of(args)
    found = sections(report)
    plain = found["training"].partition("the entropy model not counted, as in the paper")[2]
    assert "entropy patches are behind bpe" in plain
    assert "entropy patches are ahead of blt-space" in plain
    assert "nothing to compare at equal FLOPs: blt-entropy has 13.3M" in found["inference"], (
        "the entropy model costs more than the models"
    )
    assert "over a factor of 31.8 in training FLOPs" in found["moves"]
    assert "Table 1 of arXiv 2412.09871" in found["paper"]
    assert "as there: blt-space, blt-static; other than there: bpe" in found["paper"]
    assert "pieces of words" in found["paper"], "what may be behind a difference that there is"
    assert "equal training over again" in found["inference"]
    assert {"ablations", "noise", "spelling", "languages", "laws", "rates"} <= found.keys()
    rates = next(one for one in report.sections if one.id == "rates")
    assert rates.rows[0][2] == "0.002: 2.600, 0.004: 2.500, 0.008: diverged"
    for one in report.sections:
        assert all(len(row) == len(one.columns) for row in one.rows), one.id


def test_no_reason_is_given_for_a_difference_that_is_not_there(
    args: ScalingArgs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(made_up.LEVELS, "bpe", 2.1)
    made_up.write(args.out)
    write_report(args)
    said = sections(report_of(args))["paper"]
    assert "as there: bpe, blt-space, blt-static." in said
    assert "pieces of words" not in said


def test_records_that_go_take_their_fits_along(args: ScalingArgs) -> None:
    made_up.write(args.out, budgets=2, extras=False)
    write_report(args)
    assert (args.out / "fits.json").is_file()
    for path in args.out.glob("cpu-*.json"):
        path.unlink()
    write_report(args)
    assert not list(args.out.iterdir())


def test_a_document_without_marks_is_named(args: ScalingArgs) -> None:
    document = args.out.parent.parent / "docs" / "scaling.md"
    document.write_text("nothing")
    with pytest.raises(ValueError, match=r"scaling\.md: it must have the lines"):
        write_report(args)


def test_the_command(args: ScalingArgs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", f"config={ROOT / CONFIG}", f"out={args.out}"]) == 0
    assert "scaling_report.json" in capsys.readouterr().out


def test_the_document_is_in_step_with_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give ``python -m bytelatent.scaling report config=...`` after new records."""
    monkeypatch.chdir(ROOT)
    report = report_of(load_args(ScalingArgs, [f"config={CONFIG}"]))
    assert read_json(ROOT / "plot_data" / "scaling_report.json") == asdict(report)
    text = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == markdown(report).strip()
