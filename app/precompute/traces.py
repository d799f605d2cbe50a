"""``python -m app.precompute traces``: record texts as they are made, to play without a model.

The file holds what ``POST /api/generate`` answers, made by the same code: real times of the machine
that recorded it included.
"""

import argparse
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from app.models.generated_text import as_document, describe_text, generation_request
from app.models.generator import TextMaker
from app.requests.bodies import text_bytes
from app.schemas.generate import GenerateRequest
from app.settings import Settings
from app.stored.stored_file import write_items

RECORD = {
    "title": "Recorded generation",
    "description": "Texts with every byte's probability, entropy and patch, one byte at a time and "
    "by self-speculation.",
    "producer": "python -m app.precompute traces",
    "data": None,
}


class Recorded(NamedTuple):
    """A text to record; ``lang`` is its language tag (``zxx``: none)."""

    id: str
    title: str
    lang: str
    prompt: str
    temperature: float = 0.0
    seed: int = 0


TEXTS = (
    Recorded("country", "A country", "en", "The United States is ", 0.5, 1),
    Recorded("likeliest", "The likeliest bytes", "en", "The United States is "),
    Recorded("recipe", "A recipe", "en", "Ingredients\n", 0.4, 1),
    Recorded("german", "German", "de", "Klicken Sie auf ", 0.4, 1),
    Recorded("code", "Python", "zxx", "def __init__(self, ", 0.4, 2),
)
BYTES = 160
DRAFT = 8
TOP_P = 0.95


def requests_of(text: Recorded) -> list[tuple[str, str, GenerateRequest]]:
    """Id, title and request of a text: byte by byte, and with drafts."""
    found = []
    for id_, title, draft in (
        (text.id, text.title, None),
        (f"{text.id}-drafts", f"{text.title}, drafts of {DRAFT}", DRAFT),
    ):
        request = GenerateRequest(
            prompt=text.prompt,
            max_bytes=BYTES,
            temperature=text.temperature,
            top_p=TOP_P if text.temperature else None,
            seed=text.seed,
            speculate=draft,
        )
        found.append((id_, title, request))
    return found


def record(maker: TextMaker, request: GenerateRequest) -> dict[str, Any]:
    """What the API would answer."""
    prompt = text_bytes(request.prompt, limit=maker.limits.prompt, field="prompt")
    wanted = generation_request(request, prompt)
    with closing(maker.begin(wanted)) as text:
        found = as_document(text, describe_text(maker, wanted))
    assert found is not None
    return found


def write_traces(maker: TextMaker, path: Path) -> int:
    """Record all texts and write them to ``path``, told to the gallery; return how many."""
    assert maker.source is not None
    items = [
        {
            "id": id_,
            "title": title,
            "lang": text.lang,
            "request": request.model_dump(exclude_defaults=True),
            "response": record(maker, request),
        }
        for text in TEXTS
        for id_, title, request in requests_of(text)
    ]
    write_items(path, {"model": maker.source.name}, "traces", items, RECORD)
    return len(items)


def main(arguments: list[str] | None = None) -> int:
    """Write the file."""
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m app.precompute traces", description=main.__doc__
    )
    parser.add_argument("--model", type=Path, default=defaults.blt_folder, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=defaults.traces_file, metavar="FILE")
    chosen = parser.parse_args(arguments)
    maker = TextMaker.load(replace(defaults, blt_folder=chosen.model))
    if maker.source is None:
        return 1  # the reason has been logged
    count = write_traces(maker, chosen.output)
    print(f"{chosen.output}: {count} texts by {maker.source.name}")
    return 0
