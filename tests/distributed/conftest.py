"""A small corpus for runs of several processes."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for split, texts in {"train": 40, "valid": 9}.items():
        (folder / split).mkdir()
        lines = [json.dumps({"text": f"{n} green bottles on the wall. " * 6}) for n in range(texts)]
        (folder / split / "song.jsonl").write_text("\n".join(lines))
    return folder
