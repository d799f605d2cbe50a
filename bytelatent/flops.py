"""``python -m bytelatent.flops``: print forward FLOPs per byte of each part of a BLT.

    python -m bytelatent.flops                          # the paper's 1B model
    python -m bytelatent.flops facebook/blt-7b --patch-size 4.5 8
    python -m bytelatent.flops my/config.yaml --json    # the section ``blt`` of the file

The command uses the formulas of the paper. A backward pass costs twice a forward pass. The sums of
the paper do not include the entropy model, which cuts the patches; it is listed separately.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import BaseModel

from bytelatent.architecture.args import LMTransformerArgs
from bytelatent.architecture.blt_args import ByteLatentTransformerArgs
from bytelatent.architecture.flops_per_byte import FlopsPerByte, flops_per_byte
from bytelatent.architecture.published import BLT_1B, ENTROPY_MODEL
from bytelatent.command import run_command
from bytelatent.config import load_args
from bytelatent.files import json_text
from bytelatent.formats.file_names import CONFIG_FILE, PARAMS_FILE
from bytelatent.formats.find import model_folder
from bytelatent.formats.released import LM_KIND, CheckpointKind, find_checkpoint
from bytelatent.formats.released_blt import BLT_KIND

Args = TypeVar("Args", bound=BaseModel)

PATCH_SIZES = (4.0, 4.5, 6.0, 8.0)

PARTS = {
    "global_model": "global transformer",
    "encoder": "local encoder",
    "decoder": "local decoder",
    "encoder_cross": "cross-attention, encoder",
    "decoder_cross": "cross-attention, decoder",
}


class Models(BaseModel):
    """Settings of models in a training configuration; all other keys are ignored.

    Attributes:
        blt: settings of the BLT.
        entropy_model: settings of the entropy model.
    """

    blt: ByteLatentTransformerArgs | None = None
    entropy_model: LMTransformerArgs | None = None


def args_of(name: str, section: str, kind: CheckpointKind[Args]) -> Args:
    """Read the settings of a model from a YAML file, a folder, a shipped model or a repository.

    Args:
        name: path of the YAML file, or name of the model.
        section: section of the YAML file.
        kind: format of the settings of checkpoints.

    Raises:
        ValueError: the file or the model is missing, or has an unknown or impossible setting.
    """
    if not name.endswith((".yaml", ".yml")):
        return find_checkpoint(model_folder(name, (CONFIG_FILE, PARAMS_FILE)), kind).args
    args: Args | None = getattr(load_args(Models, [f"config={name}"]), section)
    if args is None:
        raise ValueError(f"{name} has no section {section!r}")
    return args


def as_dict(flops: FlopsPerByte, patch_size: float) -> dict[str, Any]:
    """Return a row of the JSON output, in FLOPs per byte."""
    return {"patch_size": patch_size, "blt": flops.blt, **asdict(flops)}


def table(rows: list[dict[str, Any]]) -> str:
    """Return a table of the FLOPs of one model, for a terminal.

    It has a row for each part and a column for each patch size, with the FLOPs per byte and the
    share of the paper's sum.
    """
    lines = ["bytes per patch".ljust(26) + "".join(f"{row['patch_size']:>18g}" for row in rows)]
    for part, label in PARTS.items():
        cells = (f"{row[part]:>11.3e} {row[part] / row['blt']:>6.1%}" for row in rows)
        lines.append(label.ljust(26) + "".join(cells))
    lines.append("BLT".ljust(26) + "".join(f"{row['blt']:>11.3e}       " for row in rows))
    cells = (f"{row['entropy_model']:>11.3e}       " for row in rows)
    lines.append("entropy model, apart".ljust(26) + "".join(cells))
    return "\n".join(line.rstrip() for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bytelatent.flops", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "model",
        nargs="?",
        help="folder, repository or YAML file with a section 'blt' (default: the paper's 1B model)",
    )
    parser.add_argument(
        "--patch-size",
        type=float,
        nargs="+",
        default=PATCH_SIZES,
        metavar="BYTES",
        help="mean bytes per patch, one or more (default: 4 4.5 6 8)",
    )
    parser.add_argument(
        "--context", type=int, default=8192, metavar="BYTES", help="context length (default: 8192)"
    )
    parser.add_argument(
        "--entropy-model",
        metavar="MODEL",
        help="folder, repository or YAML file with a section 'entropy_model' (default: the shape "
        "of facebook/blt-entropy)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    return parser


def _run(options: argparse.Namespace) -> None:
    args, entropy_args = BLT_1B, ENTROPY_MODEL
    if options.model is not None:
        args = args_of(options.model, "blt", BLT_KIND)
    if options.entropy_model is not None:
        entropy_args = args_of(options.entropy_model, "entropy_model", LM_KIND)
    rows = [
        as_dict(
            flops_per_byte(
                args, patch_size=size, context=options.context, entropy_model=entropy_args
            ),
            size,
        )
        for size in options.patch_size
    ]
    if options.json:
        answer = {
            "unit": "forward FLOPs per byte",
            "model": options.model or "the 1B model of the paper's table 10",
            "entropy_model": options.entropy_model or "the shape of facebook/blt-entropy",
            "context": options.context,
            "rows": rows,
        }
        print(json_text(answer), end="")
    else:
        print(f"forward FLOPs per byte, {options.context} bytes of context\n\n{table(rows)}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_run, _parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
