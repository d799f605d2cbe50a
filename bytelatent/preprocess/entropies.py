"""``python -m bytelatent.preprocess.entropies input=FOLDER output=FOLDER key=value ...``

    python -m bytelatent.preprocess.entropies input=data/corpus output=data/entropies workers=4

The command measures the entropy of every next byte once, before training. It converts every shard
of text in ``input`` to an Arrow shard of the same name with the columns ``text`` and ``entropies``
(in nats, one for each token of BOS + UTF-8 bytes + EOS). It skips shards that are done, so the same
command completes an interrupted run. ``config=FILE`` reads settings from YAML.
"""

import importlib.util
import inspect
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bytelatent.command import run_command
from bytelatent.config import load_args
from bytelatent.distributed.allocator import restart_with_huge_pages
from bytelatent.distributed.slurm import submit
from bytelatent.files import replacing
from bytelatent.formats.file_names import MANIFEST_FILE
from bytelatent.preprocess.args import PreprocessArgs
from bytelatent.training.checkpoint import sole_run

if TYPE_CHECKING:
    from bytelatent.preprocess.shards import Work

NEEDED = ("datatrove", "pyarrow")


def preprocess(args: PreprocessArgs) -> str:
    """Measure the entropies as configured, and return a sentence on the result.

    Raises:
        ValueError: a setting, a shard or a line is invalid; the message names it.
    """
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise ValueError(f"{name} is not installed; pip install 'bytelatent[preprocess]'")
    from bytelatent.preprocess import pipeline
    from bytelatent.preprocess.shards import find_work, is_done

    # Tasks may run in another folder.
    folders = {"input": args.input.absolute(), "output": args.output.absolute()}
    args = args.model_copy(update=folders)
    work, done = find_work(args)
    size = sum(shard.source.stat().st_size for shard in work) / 1e6
    plan = f"{len(work)} shards to measure ({size:.1f} MB), {done} done before, in {args.output}"
    if not work or (args.dry_run and args.executor != "slurm"):
        return plan
    print(plan, file=sys.stderr)
    if args.executor == "slurm":
        script = pipeline.write_slurm_job(args, work)
        return f"wrote {script}" if args.dry_run else submit(script)
    with sole_run(args.output / pipeline.LOG_FOLDER), _progress(work):
        _copy_manifest(args)
        run = pipeline.run_local if args.executor == "local" else pipeline.run_ray
        run(args, work)
    if missing := [shard for shard in work if not is_done(shard, override=True)]:
        raise ValueError(
            f"{len(missing)} of {len(work)} shards were not done, {missing[0].source} among them; "
            f"{args.output / pipeline.LOG_FOLDER / 'logs'} says why"
        )
    return f"wrote {len(work)} shards to {args.output}"


def _copy_manifest(args: PreprocessArgs) -> None:
    """Copy the manifest of a corpus, with sources and licences, to the output."""
    manifest = args.input / MANIFEST_FILE
    if manifest.is_file():
        with replacing(args.output / manifest.name) as temporary:
            shutil.copyfile(manifest, temporary)


@contextmanager
def _progress(work: "Sequence[Work]") -> Iterator[None]:
    """Show a progress bar of finished shards and bytes written, if stderr is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} shards"))
    note = TextColumn("{task.fields[written]:.1f} MB written")
    folders = {shard.target.parent for shard in work}
    began, over = time.time(), threading.Event()
    with Progress(*columns, note, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("entropies", total=len(work), written=0.0)

        def show() -> None:
            done = sum(shard.target.exists() for shard in work)
            written = sum(_written(folder, began) for folder in folders) / 1e6
            bar.update(task, completed=done, written=written)

        def watch() -> None:
            while not over.wait(1.0):
                show()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            show()


def _written(folder: Path, since: float) -> int:
    """Return the size of the Arrow files, finished or not, that were written after ``since``."""
    total = 0
    for path in folder.glob("*.arrow") if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # moved meanwhile
            status = path.stat()
            total += status.st_size if status.st_mtime >= since else 0
    return total


def main(argv: list[str] | None = None) -> int:
    """Run the command with ``argv``; return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    if not words or {"-h", "--help"} & set(words):
        print(f"{__doc__}\n{inspect.getdoc(PreprocessArgs)}")
        return 0 if words else 2
    return run_command(
        lambda options: print(preprocess(load_args(PreprocessArgs, options))),
        words,
        interrupted="stopped; the same command does what is left",
        errors=(ValueError, OSError),
    )


if __name__ == "__main__":
    restart_with_huge_pages()
    sys.exit(main())
