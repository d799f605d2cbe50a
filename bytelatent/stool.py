"""``python -m bytelatent.stool script=MODULE config=FILE key=value ...``: submit a job to Slurm.

    python -m bytelatent.stool script=bytelatent.train config=bytelatent/configs/debug.yaml \
        nodes=2 ngpu=8 partition=gpu time=720 steps=2000

The command copies the code and the configuration to ``dump_dir/code``, writes
``dump_dir/submit.slurm`` and submits it. ``sbatch dump_dir/submit.slurm`` starts the same job
again. Words that are not settings of this command are passed to the script, and so are all words
after ``--``.
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
from bytelatent.formats.file_names import RUN_CONFIG_FILE

PACKAGE = Path(__file__).parent
SUBMIT_FILE = "submit.slurm"
TRAIN = "bytelatent.train"
"""The script whose settings have a ``dump_dir``; other scripts do not accept one."""

BESIDE_THE_PACKAGE = ("pyproject.toml", "constraints.txt")


class StoolArgs(BaseModel):
    """Settings of a Slurm job.

    Attributes:
        script: module of this package that every process runs, such as ``bytelatent.train``.
        config: configuration of the script; the job uses a copy.
        dump_dir: folder of the job, which is also passed to ``bytelatent.train``. Default: the
            ``dump_dir`` of the configuration.
        name: name of the job. Default: the name in the configuration, or that of the folder.
        nodes: number of nodes.
        ngpu: number of GPUs per node; 0 requests no GPU.
        nproc: number of processes per node. Default: one per GPU, at least one.
        ncpu: number of cores per process.
        mem: memory per node, such as ``200G``; ``0`` is all memory. Default: that of the cluster.
        time: minutes until Slurm ends the job. Default: the limit of the partition.
        signal_lead: seconds before the end of the job at which Slurm sends SIGUSR1, so that the
            script saves a checkpoint and stops.
        partition, account, qos, constraint, exclude: options of sbatch with the same names.
        env: folder of a virtual or conda environment, or name of a conda environment. Default: the
            environment that runs this command.
        stdout: ``nodes`` writes one log file per node, ``together`` one log file with the node in
            front of each line.
        override: whether to replace code and script of another run in ``dump_dir``; the
            checkpoints of that run are kept.
        dry_run: whether to write all files without submitting the job.
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
        exists = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
        if not re.fullmatch(r"bytelatent(\.[a-z_]\w*)+", self.script) or not exists:
            raise ValueError(
                f"script: {self.script} is no command of this package; bytelatent.train is one"
            )
        return self

    @property
    def processes(self) -> int:
        """Number of processes per node."""
        return self.nproc or max(1, self.ngpu)


class RunKeys(BaseModel):
    """Settings of a script that this command reads; all other settings are ignored.

    Attributes:
        dump_dir: folder of the run.
        name: name of the run.
    """

    model_config = ConfigDict(extra="ignore")

    dump_dir: Path | None = None
    name: str | None = None


class ScriptTemplate(Template):
    """Template of a shell script, in which ``@@name`` stands for a value."""

    delimiter = "@@"


@dataclass(frozen=True)
class SlurmJob:
    """Planned Slurm job.

    Attributes:
        folder: absolute path of the folder of the job.
        text: text of its ``submit.slurm``.
    """

    folder: Path
    text: str


def split_words(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Divide the words of the command line into settings of this command and words for the script.

    Raises:
        ValueError: a word is not ``key=value``, a key occurs twice, or a key looks like a misspelt
            setting.
    """
    settings: dict[str, str] = {}
    cut = words.index("--") if "--" in words else len(words)
    script_words = []
    for word in words[:cut]:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ValueError(f"{word!r} is no setting; write key=value, for example nodes=2")
        if key in settings:
            raise ValueError(f"{key}: given twice, {settings[key]!r} and {value!r}")
        if key in StoolArgs.model_fields:
            settings[key] = value
        elif near := difflib.get_close_matches(key, StoolArgs.model_fields, n=1, cutoff=0.8):
            raise ValueError(
                f"{key}: unknown key; the nearest known one is {near[0]} (to give it to the "
                "script, write it after --)"
            )
        else:
            script_words.append(word)
    return settings, [*script_words, *words[cut + 1 :]]


def plan(args: StoolArgs, words: Sequence[str]) -> SlurmJob:
    """Plan the job of ``args`` without writing a file.

    Args:
        args: settings of the job.
        words: words for the script.

    Raises:
        ValueError: no folder is named, a setting is wrong, or the environment does not exist.
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
    return SlurmJob(folder, _script(args, folder, args.name or keys.name or folder.name, words))


def _check_training(args: StoolArgs, settings: Sequence[str]) -> None:
    """Check the settings of a training run now, as the run itself would fail after the queue.

    Raises:
        ValueError: the configuration is wrong, or does not fit the number of processes.
    """
    from bytelatent.training.args import TrainArgs  # loads torch

    train_args, world = load_args(TrainArgs, settings), args.nodes * args.processes
    processes = f"{world} processes (nodes={args.nodes}, {args.processes} on each)"
    if train_args.data.batch_size % world:
        raise ValueError(
            f"data.batch_size: {train_args.data.batch_size} rows cannot be shared evenly by "
            f"{processes}; take a multiple"
        )
    replicas = train_args.distributed.replicas
    if world % replicas:
        raise ValueError(f"distributed.replicas: {processes} cannot be divided into {replicas}")


def _script(args: StoolArgs, folder: Path, name: str, words: Sequence[str]) -> str:
    """Return the text of ``submit.slurm``."""
    config = [] if args.config is None else [f"config={folder / 'code' / RUN_CONFIG_FILE}"]
    dump_dir = [f"dump_dir={folder}"] if args.script == TRAIN else []
    command = ["python3", "-m", args.script, *config, *dump_dir, *words]
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


def write(job: SlurmJob, args: StoolArgs) -> Path:
    """Copy the code to the folder of the job, write its script and return the path of the script.

    Raises:
        ValueError: the folder contains another run, and ``override`` is not set.
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
        if not code.exists():  # equal code is not replaced, as running jobs may use it
            (aside / "new").rename(code)
        write_text(script, job.text)
    finally:
        shutil.rmtree(aside)
    return script


def _copy_code(target: Path, config: Path | None) -> None:
    """Copy the package, the files that describe it, and the configuration."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(PACKAGE, target / PACKAGE.name, ignore=ignored)
    for name in BESIDE_THE_PACKAGE:
        if (PACKAGE.parent / name).is_file():
            shutil.copy(PACKAGE.parent / name, target)
    if config is not None:
        shutil.copy(config, target / RUN_CONFIG_FILE)


def _first_difference(new: Path, old: Path) -> str | None:
    """Return the name of a file that differs between two folders or is in only one; else None."""
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
    """Write the script of a job and submit it; with ``dry_run`` only write it.

    Raises:
        ValueError: a word of the command line or a setting is wrong.
        OSError: the system or Slurm reports an error.
    """
    settings, script_words = split_words(words)
    args = check_args(StoolArgs, settings)
    script = write(plan(args, script_words), args)
    print(f"wrote {script}")
    if not args.dry_run:
        print(submit(script))


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(f"{__doc__}\n{inspect.getdoc(StoolArgs)}")
        return 0 if words else 2
    return run_command(run, words, errors=(ValueError, OSError))


if __name__ == "__main__":
    sys.exit(main())
