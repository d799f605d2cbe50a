"""Download of the tokenizer file of a released model from the Hugging Face hub.

    python setup/download_tokenizer.py llama3 tokenizers --api_key TOKEN

The file is written to SAVE_PATH/tokenizer.model. All three repositories are gated: accept the
licence on the page of the repository first; without --api_key the login of `huggingface-cli login`
is used.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bytelatent.files import replacing
from bytelatent.formats.hub import hub_errors

TOKENIZERS = {  # name -> repository, file in it
    "llama2": ("meta-llama/Llama-2-7b", "tokenizer.model"),
    "llama3": ("meta-llama/Meta-Llama-3-8B", "original/tokenizer.model"),
    "gemma": ("google/gemma-2b", "tokenizer.model"),
}


def download(name: str, folder: Path, token: str | None = None) -> Path:
    """Download a tokenizer into `folder` and return the path of its file.

    ValueError if the hub denies access or does not answer.
    """
    repository, file = TOKENIZERS[name]
    with hub_errors(repository), tempfile.TemporaryDirectory() as temporary:
        from huggingface_hub import HfApi

        downloaded = HfApi(token=token).hf_hub_download(repository, file, local_dir=temporary)
        with replacing(folder / "tokenizer.model") as path:
            shutil.copyfile(downloaded, path)
    return folder / "tokenizer.model"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1, with a sentence on stderr, when something is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="NAME", choices=TOKENIZERS, help=", ".join(TOKENIZERS))
    parser.add_argument("save_path", metavar="SAVE_PATH", type=Path, help="folder for the file")
    parser.add_argument("--api_key", metavar="TOKEN", help="token of the hub")
    options = parser.parse_args(arguments)
    try:
        print(download(options.name, options.save_path, options.api_key))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
