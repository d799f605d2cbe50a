"""Measures of language models, and the file that a run writes them to."""

import json
import math
from pathlib import Path
from typing import Any

from bytelatent.files import write_text


def bits_per_byte(nats: float, size: int) -> float:
    """Cross-entropy sum in nats over ``size`` bytes as bits per byte (BLT paper, section 4.5)."""
    return nats / (math.log(2) * size)


class MetricsFile:
    """``metrics.jsonl``: one JSON object a line, each with its ``step``.

    Args:
        path: the file; lines after ``step`` (of a run that is taken up again before them) go.
        step: the step the run goes on from.
    """

    def __init__(self, path: Path, *, step: int = 0) -> None:
        self.path = path
        kept = [line for line in read_metrics(path) if line["step"] <= step] if step else []
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))

    def append(self, record: dict[str, Any]) -> None:
        """Add one line and hand it to the operating system."""
        line = json.dumps({k: _rounded(v) for k, v in record.items()})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """All whole lines; a last line that a kill cut short is left out."""
    if not path.is_file():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
