"""``python -m app.precompute traces``: record generated texts, which the page plays without a
model.

The file contains responses of ``POST /api/generate``, computed by the same code, with the times
that were measured on the recording machine.
"""

import argparse
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from app.models.generated_text import as_document, describe_text, text_request_of
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


class RecordedText(NamedTuple):
    """Text to record; ``lang`` is its language tag (``zxx`` means none)."""

    id: str
    title: str
    lang: str
    prompt: str
    temperature: float = 0.0
    seed: int = 0


TEXTS = (
    RecordedText("country", "A country", "en", "The United States is ", 0.5, 1),
    RecordedText("likeliest", "The likeliest bytes", "en", "The United States is "),
    RecordedText("recipe", "A recipe", "en", "Ingredients\n", 0.4, 1),
    RecordedText("german", "German", "de", "Klicken Sie auf ", 0.4, 1),
    RecordedText("code", "Python", "zxx", "def __init__(self, ", 0.4, 2),
)
BYTES = 160
DRAFT = 8
TOP_P = 0.95


def requests_of(text: RecordedText) -> list[tuple[str, str, GenerateRequest]]:
    """Return id, title and request of each recording of a text: without and with drafts."""
    requests = []
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
        requests.append((id_, title, request))
    return requests


def record(maker: TextMaker, request: GenerateRequest) -> dict[str, Any]:
    """Generate a text and return the response of ``POST /api/generate``."""
    prompt = text_bytes(request.prompt, limit=maker.limits.prompt, field="prompt")
    text_request = text_request_of(request, prompt)
    with closing(maker.begin(text_request)) as text:
        document = as_document(text, describe_text(maker, text_request))
    assert document is not None
    return document


def write_traces(maker: TextMaker, path: Path) -> int:
    """Record the generated texts, write them to ``path``, and return their number."""
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
    """Record generated texts and write them to a file."""
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
