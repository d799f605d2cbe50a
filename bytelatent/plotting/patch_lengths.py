"""Patch lengths by language: ``python -m bytelatent.plotting.patch_lengths``.

The command cuts the same text in every language by the entropies of an exported model and counts
patches by length. It writes only the data; ``python -m bytelatent.plotting.scaling_figures`` draws
them.
"""

from pathlib import Path
from typing import Any

import bytelatent
from bytelatent.files import read_json
from bytelatent.formats.file_names import CALIBRATION_FILE
from bytelatent.patching.rules import PatchingMode
from bytelatent.plotting.artifacts import Card
from bytelatent.plotting.calibration_curve import read_calibration
from bytelatent.plotting.command_line import Parser, PlotCommand, PlotJob, add_threshold
from bytelatent.plotting.measured_text import byte_patches, measure
from bytelatent.runtime.entropy_runtime import ByteAnalyser

DEFAULT_TEXTS = Path(bytelatent.__file__).parents[1] / "app" / "udhr.json"
LONGEST = 24
"""Length in bytes of the last count, which includes all longer patches."""

CARD = Card(
    "patch_lengths",
    "Patches of one text in many languages",
    "How many bytes the patches of the same text have in each language, cut by the entropies of "
    "the shipped byte model at its threshold.",
)


def render(job: PlotJob) -> None:
    """Write the data file of this command's figure."""
    path: Path = job.options.texts
    content = read_json(path)
    try:
        texts = [
            (str(entry["lang"]), str(entry["name"]), str(entry["text"]))
            for entry in content["texts"]
        ]
        source = str(content["source"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"--texts: {path} holds no texts by language ({error!r})") from None
    if not any(text for _, _, text in texts):
        raise ValueError(f"--texts: {path} has no text in it")
    model = job.model()
    threshold = model.threshold if job.options.threshold is None else job.options.threshold
    known = _languages(job.options.model / CALIBRATION_FILE)
    languages = [
        {
            "lang": lang,
            "name": name,
            "in_mix": known is None or lang in known,
            **lengths(model, text.encode(), threshold),
        }
        for lang, name, text in texts
        if text
    ]
    values = {
        "model": model.name,
        "threshold": threshold,
        "max_patch_length": model.max_patch_length,
        "source": source,
        "unit": f"patches of 1, 2, ... bytes; the last count is of {LONGEST} bytes and more",
        "in_mix": "whether the model was trained on more of the language than this very text",
        "languages": sorted(
            languages, key=lambda entry: (-entry["bytes_per_patch"], entry["lang"])
        ),
    }
    job.writer.write_data(CARD, values)


def lengths(model: ByteAnalyser, data: bytes, threshold: float) -> dict[str, Any]:
    """Return counts of patches by length in bytes, their number and their mean length."""
    cut = measure(model, data, threshold=threshold).patch_lengths(PatchingMode.ENTROPY)
    sizes = [size for _, size in byte_patches(cut)]
    counts = [0] * LONGEST
    for size in sizes:
        counts[min(size, LONGEST) - 1] += 1
    return {
        "bytes": len(data),
        "patches": len(sizes),
        "bytes_per_patch": len(data) / len(sizes),
        "counts": counts,
    }


def _languages(path: Path) -> set[str] | None:
    """Return the languages of the training mix; None if the model has no calibration file."""
    return set(read_calibration(path).at_threshold) if path.is_file() else None


def _add_options(parser: Parser) -> None:
    add_threshold(parser)
    parser.add_argument(
        "--texts",
        type=Path,
        default=DEFAULT_TEXTS,
        metavar="FILE",
        help="JSON with texts by language (default: ten articles of the Universal Declaration of "
        "Human Rights)",
    )


COMMAND = PlotCommand("patch_lengths", CARD.description, render, _add_options)
main = COMMAND.main

if __name__ == "__main__":
    raise SystemExit(main())
