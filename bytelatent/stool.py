"""``python -m bytelatent.stool script=MODULE config=FILE key=value ...``: run on a Slurm cluster.

    python -m bytelatent.stool script=bytelatent.train config=bytelatent/configs/debug.yaml \
        nodes=2 ngpu=8 partition=gpu time=720 steps=2000

Copies the code and the configuration into ``dump_dir/code``, writes ``dump_dir/submit.slurm`` and
submits it; ``sbatch dump_dir/submit.slurm`` starts the same job again. Words that are no setting
of this command go to the script, and so does every word after ``--``.
"""

import difflib
import filecmp
import inspect
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bytelatent.command import run_command
from bytelatent.config import check_args, load_args
from bytelatent.distributed.slurm import Line, activation, directive, one_line, shared_path, submit
from bytelatent.files import write_text

PACKAGE = Path(__file__).parent
SUBMIT_FILE = "submit.slurm"
CONFIG_FILE = "config.yaml"
TRAIN = "bytelatent.train"
"""The script whose settings have a ``dump_dir``; the others refuse one."""

BESIDE_THE_PACKAGE = ("pyproject.toml", "constraints.txt")


class StoolArgs(BaseModel):
    """A job.

    Attributes:
        script: module of this package that every process runs, such as ``bytelatent.train``.
        config: its configuration; the job gets a copy.
        dump_dir: folder of the job; ``bytelatent.train`` is told it too. Default: that of the
            configuration.
        name: of the job. Default: that of the configuration, or of the folder.
        nodes: machines.
        ngpu: GPUs per node; 0 asks for none.
        nproc: processes per node. Default: one per GPU, at least one.
        ncpu: cores per process.
        mem: memory per node, such as ``200G``; ``0`` is all of it. Default: the cluster's.
        time: minutes until Slurm ends the job. Default: the partition's.
        signal_lead: seconds before that when the script is told to save and leave, by SIGUSR1.
        partition, account, qos, constraint, exclude: as for sbatch.
        env: a folder with a virtual or conda environment, or the name of a conda environment.
            Default: the one that runs this command.
        stdout: a log file for each of the ``nodes``, or all lines ``together`` with their node.
        override: replace code and script of another run in ``dump_dir``; its checkpoints stay.
        dry_run: write everything, submit nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: Line
    config: Path | None = None
    dump_dir: Annotated[Path, AfterValidator(shared_path)] | None = None
    name: Line | None = None
    nodes: int = Field(default=1, ge=1)
    ngpu: int = Field(default=1, ge=0)
    nproc: int | None = Field(default=None, ge=1)
    ncpu: int = Field(default=4, ge=1)
    mem: str | None = Field(default=None, pattern=r"^\d+[KMGT]?$")
    time: int | None = Field(default=None, ge=1)
    signal_lead: int = Field(default=120, ge=1, le=65535)
    partition: Line | None = None
    account: Line | None = None
    qos: Line | None = None
    constraint: Line | None = None
    exclude: Line | None = None
    env: Line | None = None
    stdout: Literal["nodes", "together"] = "nodes"
    override: bool = False
    dry_run: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.time is not None and self.signal_lead >= 60 * self.time:
            raise ValueError(
                f"signal_lead: {self.signal_lead} s is not less than time, {self.time} min"
            )
        path = PACKAGE.parent.joinpath(*self.script.split("."))
        found = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
        if not re.fullmatch(r"bytelatent(\.[a-z_]\w*)+", self.script) or not found:
            raise ValueError(
                f"script: {self.script} is no command of this package; bytelatent.train is one"
            )
        return self

    @property
    def processes(self) -> int:
        """Processes on a node."""
        return self.nproc or max(1, self.ngpu)


class RunKeys(BaseModel):
    """What this command reads of a script's settings."""

    model_config = ConfigDict(extra="ignore")

    dump_dir: Path | None = None
    name: str | None = None


class ScriptTemplate(Template):
    """A shell script with ``@@name`` where values go."""

    delimiter = "@@"


@dataclass(frozen=True)
class Job:
    """A job to be written: its folder (absolute) and the text of its ``submit.slurm``."""

    folder: Path
    text: str


def split_words(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The settings of this command, and the words for the script.

    Raises:
        ValueError: a word is no ``key=value``, stands twice, or looks like a misspelt setting.
    """
    mine: dict[str, str] = {}
    cut = words.index("--") if "--" in words else len(words)
    theirs = []
    for word in words[:cut]:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ValueError(f"{word!r} is no setting; write key=value, for example nodes=2")
        if key in mine:
            raise ValueError(f"{key}: given twice, {mine[key]!r} and {value!r}")
        if key in StoolArgs.model_fields:
            mine[key] = value
        elif near := difflib.get_close_matches(key, StoolArgs.model_fields, n=1, cutoff=0.8):
            raise ValueError(
                f"{key}: unknown key; the nearest known one is {near[0]} (to give it to the "
                "script, write it after --)"
            )
        else:
            theirs.append(word)
    return mine, [*theirs, *words[cut + 1 :]]


def plan(args: StoolArgs, words: Sequence[str]) -> Job:
    """The job of ``args`` whose script is given ``words``; writes nothing.

    Raises:
        ValueError: no folder is named, a setting is wrong, or the environment is not there.
    """
    for word in words:
        if not word.isprintable():
            raise ValueError(f"{word!r}: must be one line of printable characters")
    settings = [*([] if args.config is None else [f"config={args.config}"]), *words]
    keys = load_args(RunKeys, settings)
    folder = args.dump_dir or keys.dump_dir
    if folder is None:
        raise ValueError("dump_dir: missing, here and in the configuration")
    try:
        folder = shared_path(folder.absolute())
    except ValueError as error:
        raise ValueError(f"dump_dir: {error} (got {str(folder)!r})") from None
    if args.script == TRAIN:
        _check_training(args, [*settings, f"dump_dir={folder}"])
    return Job(folder, _script(args, folder, args.name or keys.name or folder.name, words))


def _check_training(args: StoolArgs, settings: Sequence[str]) -> None:
    """What the run would refuse at its start; better now than after the queue.

    Raises:
        ValueError: the configuration is wrong, or does not go with so many processes.
    """
    from bytelatent.training.args import TrainArgs  # loads torch

    found, world = load_args(TrainArgs, settings), args.nodes * args.processes
    processes = f"{world} processes (nodes={args.nodes}, {args.processes} on each)"
    if found.data.batch_size % world:
        raise ValueError(
            f"data.batch_size: {found.data.batch_size} rows cannot be shared evenly by "
            f"{processes}; take a multiple"
        )
    if world % found.distributed.replicas:
        raise ValueError(
            f"distributed.replicas: {processes} cannot be divided into {found.distributed.replicas}"
        )


def _script(args: StoolArgs, folder: Path, name: str, words: Sequence[str]) -> str:
    """The text of ``submit.slurm``."""
    config = [] if args.config is None else [f"config={folder / 'code' / CONFIG_FILE}"]
    told = [f"dump_dir={folder}"] if args.script == TRAIN else []
    command = ["python3", "-m", args.script, *config, *told, *words]
    output = "--label"
    if args.stdout == "nodes":
        output = '--open-mode=append --output="$attempt.node%n.out"'
    template = (PACKAGE / "templates" / SUBMIT_FILE).read_text("utf-8")
    return ScriptTemplate(template).substitute(
        header="\n".join(_header(args, folder, one_line(name))),
        path=shlex.quote(str(folder / SUBMIT_FILE)),
        workdir=shlex.quote(str(Path.cwd())),
        dump_dir=shlex.quote(str(folder)),
        words=" ".join(map(shlex.quote, command)),
        activate=activation(args.env),
        threads=args.ncpu,
        nodes=args.nodes,
        processes=args.processes,
        cpus=args.ncpu * args.processes,
        output=output,
    )


def _header(args: StoolArgs, folder: Path, name: str) -> list[str]:
    options: dict[str, object] = {
        "job-name": name,
        "nodes": args.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": args.ncpu * args.processes,
        "gpus-per-node": args.ngpu or None,
        "mem": args.mem,
        "time": args.time,
        "partition": args.partition,
        "account": args.account,
        "qos": args.qos,
        "constraint": args.constraint,
        "exclude": args.exclude,
        "output": f"{folder}/logs/%j.out",
        "open-mode": "append",
        "signal": f"USR1@{args.signal_lead}",
    }
    lines = [directive(option, value) for option, value in options.items() if value is not None]
    return [*lines, "#SBATCH --requeue"]


def write(job: Job, args: StoolArgs) -> Path:
    """Copy the code into the job's folder, write its script and return the script's path.

    Raises:
        ValueError: the folder holds another run, and ``override`` is not set.
    """
    code, script = job.folder / "code", job.folder / SUBMIT_FILE
    (job.folder / "logs").mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".code.", dir=job.folder))
    try:
        _copy_code(aside / "new", args.config)
        change = None
        if code.exists():
            change = _first_difference(aside / "new", code)
        if script.exists() and script.read_text("utf-8") != job.text:
            change = SUBMIT_FILE
        if change and not args.override:
            raise ValueError(
                f"dump_dir: {job.folder} holds another run ({change} differs); start that one "
                f"again with sbatch {shlex.quote(str(script))}, choose another folder, or replace "
                "its code and script with override=true"
            )
        if change and code.exists():
            code.rename(aside / "old")
        if not code.exists():  # the same code stays where running jobs have it open
            (aside / "new").rename(code)
        write_text(script, job.text)
    finally:
        shutil.rmtree(aside)
    return script


def _copy_code(target: Path, config: Path | None) -> None:
    """The package, what describes it, and the configuration."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(PACKAGE, target / PACKAGE.name, ignore=ignored)
    for name in BESIDE_THE_PACKAGE:
        if (PACKAGE.parent / name).is_file():
            shutil.copy(PACKAGE.parent / name, target)
    if config is not None:
        shutil.copy(config, target / CONFIG_FILE)


def _first_difference(new: Path, old: Path) -> str | None:
    """Name of a file that only one of two folders has, or that differs between them."""
    names = {
        file.relative_to(folder)
        for folder in (new, old)
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    for name in sorted(names):
        a, b = new / name, old / name
        if not (a.is_file() and b.is_file() and filecmp.cmp(a, b, shallow=False)):
            return str(name)
    return None


def run(words: Sequence[str]) -> None:
    """Write the script of a job and submit it, or only write it with ``dry_run``.

    Raises:
        ValueError: the words of the command line are not understood.
        OSError: the system or Slurm refuses.
    """
    mine, theirs = split_words(words)
    args = check_args(StoolArgs, mine)
    script = write(plan(args, theirs), args)
    print(f"wrote {script}")
    if not args.dry_run:
        print(submit(script))


def main(argv: list[str] | None = None) -> int:
    """The command."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(f"{__doc__}\n{inspect.getdoc(StoolArgs)}")
        return 0 if words else 2
    return run_command(run, words, errors=(ValueError, OSError))


if __name__ == "__main__":
    sys.exit(main())
