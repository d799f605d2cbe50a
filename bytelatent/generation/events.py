"""What generation tells of every byte, for the command line, Python and the page alike.

Loads no torch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bytelatent.tokenizers.blt_tokenizer import StreamDecoder, bytes_of_id
from bytelatent.tokenizers.constants import EOS_ID, OFFSET

FinishReason = Literal["eos", "stop", "length"]
"""An end of document, a stop string, or the byte budget."""


@dataclass(frozen=True, slots=True)
class Event:
    """One token of one row.

    Attributes:
        row: number of the prompt.
        token: its id.
        byte: its value; None for an id that is no byte, as the end of document.
        text: what is certain now of the text and was not before: whole characters, and nothing
            that may turn out to be the beginning of a stop string. All of a row's make its text.
        probability: of this token in the model's own distribution, before any filter.
        entropy: nats, of the entropy model's prediction of this token; None where the patching
            rule looks at none.
        starts_patch: whether a patch begins with it.
        global_ran: whether the global transformer ran since the token before.
        drafted: tokens drafted in the round of speculation that begins with this token, else 0.
        accepted: how many of them were accepted; those behind the end of a row count too.
        seconds: since the beginning of the run.
        finish: why the row ends with this token; None while it goes on.
        draft: ids drafted in the round that begins with this token, which they would follow; the
            first ``accepted`` of them stay.
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
    """The text of one row.

    Attributes:
        data: its bytes, without prompt and stop string.
        finish: why it ended.
        tokens: ids drawn, those without a byte and of a stop string included.
        patches: that began.
        global_passes: runs of the global transformer, that over the prompt included.
        drafted, accepted: bytes of speculation.
        seconds: from the beginning of the run to the end of this row.
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
        """The bytes as text, U+FFFD for what is no UTF-8."""
        return self.data.decode(errors="replace")

    def add(self, event: Event) -> None:
        """Count the next event of the row."""
        self.tokens.append(event.token)
        self.patches += event.starts_patch
        self.global_passes += event.global_ran
        self.drafted += event.drafted
        self.accepted += event.accepted
        self.seconds = event.seconds


class RowText:
    """The text of one row as it grows: what is certain of it, and when it ends.

    Attributes:
        data: its bytes; a stop string is taken off.
        left: tokens that may still come.
        finish: why it has ended; None while it goes on.
    """

    def __init__(self, budget: int, stop: Sequence[bytes]) -> None:
        self.data = bytearray()
        self.finish: FinishReason | None = "length" if budget == 0 else None
        self.left = budget
        self._stop, self._shown = stop, 0
        self._decoder = StreamDecoder()

    def push(self, token: int) -> str:
        """Take the next token; return the text that is certain now and was not before."""
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
        """Bytes at the end that may be the beginning of a stop string."""
        for size in range(max(map(len, self._stop), default=0) - 1, 0, -1):
            if any(self.data.endswith(end[:size]) for end in self._stop if size < len(end)):
                return size
        return 0

    def _show(self, until: int) -> str:
        shown, self._shown = self._shown, max(self._shown, until)
        return "".join(self._decoder.push(byte + OFFSET) for byte in self.data[shown:until])


def trace(events: Iterable[Event]) -> dict[str, Any]:
    """All events by row, as JSON can carry them: ``{"rows": [{"row": 0, "events": [...]}]}``."""
    rows: dict[int, list[dict[str, Any]]] = {}
    for event in events:
        fields = asdict(event)
        rows.setdefault(fields.pop("row"), []).append(fields)
    return {"rows": [{"row": row, "events": rows[row]} for row in sorted(rows)]}
