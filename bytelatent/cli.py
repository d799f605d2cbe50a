"""Console command ``bytelatent``, which runs all other commands and imports them on demand."""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from bytelatent.command import INTERRUPTED
from bytelatent.distributed.allocator import restart_with_huge_pages
from bytelatent.training.stopping import hold_signals

USAGE_ERROR = 2


class Command(NamedTuple):
    """Module and description of a command.

    Attributes:
        module: name of the module; its function ``main`` takes the words after the name of the
            command and returns the exit status.
        summary: description in one line for ``bytelatent --help``.
        extra: extra that the command needs: ``pip install 'bytelatent[EXTRA]'``.
        words: words in front of the words of the user, for a module with several commands.
        huge_pages: whether the command computes for a long time on a CPU and so benefits from huge
            pages.
        saves: whether the command saves and exits after a signal; it then receives signals that
            arrive before it has begun.
    """

    module: str
    summary: str
    extra: str
    words: tuple[str, ...] = ()
    huge_pages: bool = False
    saves: bool = False


COMMANDS = {
    "train": Command(
        "bytelatent.train",
        "train a model from a configuration",
        "train",
        huge_pages=True,
        saves=True,
    ),
    "stool": Command("bytelatent.stool", "run a command on a Slurm cluster", "train"),
    "preprocess": Command(
        "bytelatent.preprocess.entropies",
        "measure entropies ahead of training",
        "preprocess",
        huge_pages=True,
    ),
    "eval": Command("bytelatent.eval", "bits per byte and patches on held-out text", "train"),
    "lm-eval": Command(
        "bytelatent.lm_eval_adapter", "lm-evaluation-harness with our models", "eval"
    ),
    "scaling": Command(
        "bytelatent.scaling.__main__",
        "train families of models at equal compute",
        "scaling",
        huge_pages=True,
        saves=True,
    ),
    "calibrate": Command(
        "bytelatent.calibration", "find the threshold for a target patch size", "train"
    ),
    "text-quality": Command(
        "bytelatent.text_quality",
        "measure repetition and words of generated text",
        "quality",
    ),
    "release": Command("bytelatent.release", "make a model folder from a finished run", "export"),
    "export": Command("bytelatent.export", "write a model as ONNX, to run without torch", "export"),
    "serve": Command("app.server.command", "the web app, on this computer", "web"),
    "generate": Command("bytelatent.generate", "continue a prompt, byte by byte", "model"),
    "graph": Command(
        "bytelatent.graph.__main__", "graphs of a text: what it is about, and its patches", "graph"
    ),
    "load-transformers": Command(
        "bytelatent.convert.commands",
        "load a BLT and its entropy model, and continue a prompt",
        "model",
        ("load-transformers",),
    ),
    "convert-to-transformers": Command(
        "bytelatent.convert.commands",
        "released layout to the format of transformers",
        "model",
        ("convert-to-transformers",),
    ),
    "convert-from-transformers": Command(
        "bytelatent.convert.commands",
        "format of transformers to the released layout",
        "model",
        ("convert-from-transformers",),
    ),
    "flops": Command(
        "bytelatent.flops", "FLOPs per byte of each part, by the paper's formulas", "train"
    ),
    "plot-all": Command("bytelatent.plotting.all", "every figure of the gallery", "plots"),
    "plot-calibration": Command(
        "bytelatent.plotting.calibration_curve", "bytes per patch by threshold", "plots"
    ),
    "plot-entropies": Command(
        "bytelatent.plotting.entropy_figure", "the entropy of every byte of a text", "plots"
    ),
    "plot-histogram": Command(
        "bytelatent.plotting.entropy_histogram", "how frequent which entropies are", "plots"
    ),
    "plot-kinds": Command("bytelatent.plotting.kinds", "bits per byte by kind of text", "plots"),
    "plot-patches": Command(
        "bytelatent.plotting.patch_overlay", "a text coloured by patch, rule by rule", "plots"
    ),
    "plot-training": Command(
        "bytelatent.plotting.training_curve", "the loss of a run, step by step", "plots"
    ),
}


def help_text() -> str:
    """Return the text that ``bytelatent --help`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: bytelatent COMMAND ...",
            "",
            "Byte Latent Transformer: byte-level language models that spend compute per patch.",
            "",
            *lines,
            "",
            "bytelatent COMMAND --help describes one command.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; a usage error has the status 2."""
    name, *words = [*(sys.argv[1:] if argv is None else argv)] or ["--help"]
    if name in ("-h", "--help", "help"):
        print(help_text())
        return 0
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.0)[0]
        print(
            f"error: there is no command {name!r}; did you mean {near!r}? "
            "bytelatent --help lists all",
            file=sys.stderr,
        )
        return USAGE_ERROR
    command = COMMANDS[name]
    if argv is None and command.saves:
        hold_signals()
    if argv is None and command.huge_pages:
        restart_with_huge_pages()
    try:
        status = int(importlib.import_module(command.module).main([*command.words, *words]))
        sys.stdout.flush()
        return status
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bytelatent"):
            raise
        print(
            f"error: {name} needs {error.name}; pip install 'bytelatent[{command.extra}]'",
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
