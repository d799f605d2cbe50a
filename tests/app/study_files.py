"""A scaling study with made-up numbers, as its commands write it into ``plot_data``."""

import shutil
from pathlib import Path

from bytelatent.config import load_args
from bytelatent.files import read_json, write_json
from bytelatent.plotting.panels import Drawing
from bytelatent.plotting.scaling_figures import FIGURES, Sources
from bytelatent.scaling.args import ScalingArgs
from bytelatent.scaling.reporting import write_report
from bytelatent.scaling.study_results import read_findings
from tests.scaling import made_up

ROOT = Path(__file__).parents[2]
LENGTHS = {
    "model": "fake",
    "source": "made up",
    "languages": [
        {"name": name, "in_mix": True, "bytes_per_patch": 2.0, "patches": 6, "counts": [3, 2, 1]}
        for name in ("English", "German")
    ],
}


def write_study(data: Path, *, budgets: int = 4) -> None:
    """The report and the data of the figures; of no budgets, the paper's alone."""
    shutil.copy(ROOT / "plot_data" / "paper.json", data)
    if budgets:
        made_up.write(data / "scaling", budgets=budgets)
    config = f"config={ROOT / 'bytelatent/configs/scaling/cpu.yaml'}"
    write_report(load_args(ScalingArgs, [config, f"out={data / 'scaling'}", "fit.draws=20"]))
    sources = Sources(read_findings(data / "scaling"), read_json(data / "paper.json"), LENGTHS)
    for planned in FIGURES:
        panels = planned.panels(sources)
        if panels:
            drawing = Drawing(planned.card, panels, planned.notes(sources))
            write_json(data / f"{planned.card.stem}.json", drawing.data())
