"""Download of a large data set from the Hugging Face hub, shuffled into training files.

    python setup/download_prepare_hf_data.py fineweb_edu 16 --data_dir ./data --seed 42 --nchunks 32
    python setup/download_prepare_hf_data.py fineweb_edu 16 --from-folder /mnt/fineweb-edu

The first arguments are NAME and MEMORY (in GB, 0.2 or more). The download goes to
DATA_DIR/NAME, the result to DATA_DIR/train/NAME.chunk.00.jsonl and so on, and
DATA_DIR/valid/NAME.jsonl. A run that was stopped continues where it stopped; the same files and
seed always give the same bytes, whatever the memory. A complete file is never replaced. What a
document is, the data loader decides: a text that is no string, or a file that was cut off, is an
error. Empty texts are left out and counted.
"""

from __future__ import annotations

import argparse
import fnmatch
import math
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hf_data.documents import find_files
from hf_data.shuffle import GB, Shuffle, check_record, shuffle

from bytelatent.formats.hub import hub_errors


@dataclass(frozen=True)
class Dataset:
    """Repository of a data set on the hub, with the patterns of its data files."""

    repository: str
    patterns: tuple[str, ...]


DATASETS = {
    "fineweb_edu": Dataset("HuggingFaceFW/fineweb-edu", ("data/*/*.parquet",)),
    "fineweb_edu_10bt": Dataset("HuggingFaceFW/fineweb-edu", ("sample/10BT/*.parquet",)),
    "dclm_baseline_1.0": Dataset("mlfoundations/dclm-baseline-1.0", ("*.jsonl.zst",)),
}


def download(dataset: Dataset, folder: Path, token: str | None = None) -> None:
    """Download the missing files of a data set into `folder`.

    ValueError if the hub does not answer, or the disk is too small.
    """
    with hub_errors(f"datasets/{dataset.repository}"):
        from huggingface_hub import HfApi

        api = HfApi(token=token)
        info = api.dataset_info(dataset.repository, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        check_disk(dataset, folder, sizes)
        api.snapshot_download(
            dataset.repository,
            repo_type="dataset",
            revision=info.sha,
            local_dir=folder,
            allow_patterns=list(dataset.patterns),
        )


def check_disk(dataset: Dataset, folder: Path, sizes: dict[str, int]) -> None:
    """Raise a ValueError if the disk has no room for the missing files."""
    missing = sum(
        size
        for name, size in sizes.items()
        if any(fnmatch.fnmatch(name, pattern) for pattern in dataset.patterns)
        and not (folder / name).exists()
    )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise ValueError(
            f"{dataset.repository} takes {missing / GB:.1f} GB more in {folder}, where "
            f"{free / GB:.1f} GB are free; make room or choose another --data_dir"
        )


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="NAME", choices=DATASETS, help=", ".join(DATASETS))
    parser.add_argument("memory", metavar="MEMORY", type=float, help="GB that shuffling may take")
    parser.add_argument("--data_dir", type=Path, default=Path("data"), help="default: ./data")
    parser.add_argument("--seed", type=int, default=42, help="seed of the order (default: 42)")
    parser.add_argument("--nchunks", type=int, default=32, help="training files (default: 32)")
    parser.add_argument(
        "--validation", type=int, default=10_000, help="documents left out (default: 10000)"
    )
    parser.add_argument(
        "--from-folder",
        type=Path,
        metavar="DIR",
        help="take files from here, in any format of the loader",
    )
    parser.add_argument(
        "--on-bad-line",
        choices=("error", "skip"),
        default="error",
        help="stop at a line or row without a usable text, or count it (default: error)",
    )
    parser.add_argument("--api_key", metavar="TOKEN", help="token of the hub, if needed")
    return parser


def job_of(options: argparse.Namespace) -> Shuffle:
    """Return the shuffle that the command line describes, without its files.

    ValueError if the options are impossible, or a complete shuffle with other settings exists.
    """
    if not math.isfinite(options.memory):
        raise ValueError(f"MEMORY is {options.memory}; give a number of GB")
    job = Shuffle(
        name=options.name,
        files={},
        out=options.data_dir,
        seed=options.seed,
        chunks=options.nchunks,
        validation=options.validation,
        memory=int(options.memory * GB),
        on_bad_line=options.on_bad_line,
    )
    check_record(job, job.settings())
    return job


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1, with a sentence on stderr, when something is wrong."""
    options = make_parser().parse_args(arguments)
    folder = options.from_folder or options.data_dir / options.name
    try:
        job = job_of(options)
        # The record is there once all is downloaded.
        if options.from_folder is None and not (job.record.exists() and folder.is_dir()):
            download(DATASETS[options.name], folder, options.api_key)
        shuffle(replace(job, files=find_files(folder)))
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
