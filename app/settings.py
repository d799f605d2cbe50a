"""What the web app can be told, and the environment variables that tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: templates, static files and artifacts lie directly below."""

MODEL_VARIABLE = "BLT_MODEL"
RUNS_VARIABLE = "BLT_RUNS"
DEFAULT_MODEL = ROOT / "bytelatent" / "pretrained" / "blt-entropy-mini"
DEFAULT_BLT = ROOT / "bytelatent" / "pretrained" / "blt-mini"
TEXT_LIMIT = 64 * 1024
INSPECT_LIMIT = 400


@dataclass(frozen=True)
class GenerationLimits:
    """What one request for a text, and all of them together, may take.

    Attributes:
        bytes: of a text.
        prompt: bytes of a prompt.
        seconds: of making one text; what there is then is its end.
        stall: seconds that a client may take none of what is sent.
        at_once: texts made at the same time.
        waiting: requests that may wait meanwhile.
        wait_seconds: how long each of them waits before it is sent away.
    """

    bytes: int = 512
    prompt: int = 2048
    seconds: float = 60.0
    stall: float = 10.0
    at_once: int = 1
    waiting: int = 3
    wait_seconds: float = 20.0


@dataclass(frozen=True)
class Settings:
    """Everything that differs between a laptop, a test and a deployment.

    Attributes:
        model_folder: the exported entropy model.
        blt_folder: the exported BLT that makes text.
        demo_output: folder of figures, the first that the catalogue looks into.
        plot_data: folder of the data behind them; also holds the precomputed examples.
        patience: seconds for which changed content of a stored figure may go unnoticed.
        shipped_models: folder of models; those with a ``metrics.jsonl`` have their curves shown.
        runs: folder of training runs that are shown as they are written.
        text_limit: bytes of UTF-8 that one request may carry.
        inspect_limit: likewise, where everything a BLT computes is shown.
        waiting_limit: requests that may wait for the model while one runs.
        wait_seconds: how long each of them waits before it is sent away.
        threads: cores that one text may use.
        generation: what requests for a text may take.
        reload: read templates and static files anew for every request.
    """

    model_folder: Path = DEFAULT_MODEL
    blt_folder: Path = DEFAULT_BLT
    demo_output: Path = ROOT / "demo_output"
    plot_data: Path = ROOT / "plot_data"
    patience: float = 0.25
    shipped_models: Path = DEFAULT_MODEL.parent
    runs: Path | None = None
    text_limit: int = TEXT_LIMIT
    inspect_limit: int = INSPECT_LIMIT
    waiting_limit: int = 10
    wait_seconds: float = 20.0
    threads: int = 2
    generation: GenerationLimits = GenerationLimits()
    reload: bool = False

    @property
    def examples_file(self) -> Path:
        """Precomputed examples, as ``python -m app.examples`` writes them."""
        return self.plot_data / "live_examples.json"

    @property
    def inspected_file(self) -> Path:
        """Texts followed through the BLT, as ``python -m app.inspected`` writes them."""
        return self.plot_data / "inspected_texts.json"

    @property
    def traces_file(self) -> Path:
        """Recorded texts, as ``python -m app.traces`` writes them."""
        return self.plot_data / "generation_traces.json"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Settings of a server: ``BLT_MODEL``, ``BLT_RUNS``, ``FLASK_DEBUG`` without ``PORT``."""
        model, runs = environment.get(MODEL_VARIABLE), environment.get(RUNS_VARIABLE)
        return cls(
            model_folder=Path(model) if model else DEFAULT_MODEL,
            runs=Path(runs) if runs else None,
            reload=wants_reload(environment),
        )


def wants_reload(environment: Mapping[str, str]) -> bool:
    """``FLASK_DEBUG`` asks for reloading; a platform that sets ``PORT`` never gets it."""
    debug = environment.get("FLASK_DEBUG", "").lower() in {"1", "true", "yes", "on"}
    return debug and "PORT" not in environment
