"""Events of generation, one for every token, for the command line, Python and the web page.

The module does not import torch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bytelatent.tokenizers.blt_tokenizer import StreamDecoder, bytes_of_id
from bytelatent.tokenizers.constants import EOS_ID, OFFSET

FinishReason = Literal["eos", "stop", "length"]
"""Why a row ends: an end of document, a stop string, or the limit of tokens."""


@dataclass(frozen=True, slots=True)
class Event:
    """One generated token of one row.

    Attributes:
        row: number of the prompt.
        token: token id.
        byte: value of the byte; None for an id that is no byte, such as the end of document.
        text: text that has become certain with this token: whole characters that cannot be the
            beginning of a stop string. The concatenation over all events of a row is its text.
        probability: probability of this token in the model's own distribution, before any filter.
        entropy: entropy in nats of the entropy model's prediction of this token; None if the
            patching rule uses no entropy model.
        starts_patch: whether a patch starts with this token.
        global_ran: whether the global transformer has run since the previous token.
        drafted: number of tokens drafted in the round of speculation that begins with this token; 0
            for all other tokens.
        accepted: number of drafted tokens that were accepted, even if the row ends before them.
        seconds: time in seconds since the beginning of the run.
        finish: why the row ends with this token; None if it continues.
        draft: ids drafted in the round that begins with this token, which they follow; the first
            ``accepted`` of them are kept.
    """

    row: int
    token: int
    byte: int | None
    text: str
    probability: float
    entropy: float | None
    starts_patch: bool
    global_ran: bool
    drafted: int
    accepted: int
    seconds: float
    finish: FinishReason | None
    draft: tuple[int, ...] = ()


@dataclass
class Generated:
    """The generated text of one row.

    Attributes:
        data: bytes of the text, without prompt and stop string.
        finish: why the row has ended.
        tokens: all generated ids, including special ids and the ids of a stop string.
        patches: number of patches that start in the text.
        global_passes: number of runs of the global transformer, including the run over the prompt.
        drafted, accepted: numbers of drafted and of accepted tokens.
        seconds: time in seconds from the beginning of the run to the end of this row.
    """

    data: bytes = b""
    finish: FinishReason = "length"
    tokens: list[int] = field(default_factory=list)
    patches: int = 0
    global_passes: int = 0
    drafted: int = 0
    accepted: int = 0
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """The bytes as text; invalid UTF-8 becomes U+FFFD."""
        return self.data.decode(errors="replace")

    def add(self, event: Event) -> None:
        """Add the next event of the row to the counts."""
        self.tokens.append(event.token)
        self.patches += event.starts_patch
        self.global_passes += event.global_ran
        self.drafted += event.drafted
        self.accepted += event.accepted
        self.seconds = event.seconds


class RowText:
    """The text of one row while it grows: which part of it is certain, and whether it has ended.

    Args:
        budget: largest number of tokens.
        stop: strings before which the row ends.

    Attributes:
        data: bytes of the text; a stop string is removed.
        left: number of tokens that may still follow.
        finish: why the row has ended; None if it continues.
    """

    def __init__(self, budget: int, stop: Sequence[bytes]) -> None:
        self.data = bytearray()
        self.finish: FinishReason | None = "length" if budget == 0 else None
        self.left = budget
        self._stop, self._shown = stop, 0
        self._decoder = StreamDecoder()

    def push(self, token: int) -> str:
        """Append the next token; return the text that has become certain with it."""
        self.left -= 1
        self.data += bytes_of_id(token)
        ending = next((end for end in self._stop if self.data.endswith(end)), None)
        if token == EOS_ID:
            self.finish = "eos"
        elif ending is not None and token >= OFFSET:
            self.finish = "stop"
            del self.data[len(self.data) - len(ending) :]
        elif self.left == 0:
            self.finish = "length"
        if self.finish is not None:
            return self._show(len(self.data)) + self._decoder.finish()
        return self._show(len(self.data) - self._held())

    def _held(self) -> int:
        """Return the number of bytes at the end that may be the beginning of a stop string."""
        for size in range(max(map(len, self._stop), default=0) - 1, 0, -1):
            if any(self.data.endswith(end[:size]) for end in self._stop if size < len(end)):
                return size
        return 0

    def _show(self, until: int) -> str:
        shown, self._shown = self._shown, max(self._shown, until)
        return "".join(self._decoder.push(byte + OFFSET) for byte in self.data[shown:until])


def trace(events: Iterable[Event]) -> dict[str, Any]:
    """Return all events by row for JSON: ``{"rows": [{"row": 0, "events": [...]}]}``."""
    rows: dict[int, list[dict[str, Any]]] = {}
    for event in events:
        fields = asdict(event)
        rows.setdefault(fields.pop("row"), []).append(fields)
    return {"rows": [{"row": row, "events": rows[row]} for row in sorted(rows)]}
