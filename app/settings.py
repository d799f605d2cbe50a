"""What the web app can be told, and the environment variables that tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: templates, static files and artifacts lie directly below."""

MODEL_VARIABLE = "BLT_MODEL"
DEFAULT_MODEL = ROOT / "bytelatent" / "pretrained" / "blt-entropy-mini"
TEXT_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Settings:
    """Everything that differs between a laptop, a test and a deployment.

    Attributes:
        model_folder: the exported entropy model.
        demo_output: folder of figures, the first that the catalogue looks into.
        plot_data: folder of the data behind them; also holds the precomputed examples.
        text_limit: bytes of UTF-8 that one request may carry.
        waiting_limit: requests that may wait for the model while one runs.
        wait_seconds: how long each of them waits before it is sent away.
        threads: cores that one text may use.
        reload: read templates and static files anew for every request.
    """

    model_folder: Path = DEFAULT_MODEL
    demo_output: Path = ROOT / "demo_output"
    plot_data: Path = ROOT / "plot_data"
    text_limit: int = TEXT_LIMIT
    waiting_limit: int = 10
    wait_seconds: float = 20.0
    threads: int = 2
    reload: bool = False

    @property
    def examples_file(self) -> Path:
        """Precomputed examples, as ``python -m app.examples`` writes them."""
        return self.plot_data / "live_examples.json"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Settings of a server: ``BLT_MODEL``, and ``FLASK_DEBUG`` while ``PORT`` is not set."""
        model = environment.get(MODEL_VARIABLE)
        return cls(
            model_folder=Path(model) if model else DEFAULT_MODEL,
            reload=wants_reload(environment),
        )


def wants_reload(environment: Mapping[str, str]) -> bool:
    """``FLASK_DEBUG`` asks for reloading; a platform that sets ``PORT`` never gets it."""
    debug = environment.get("FLASK_DEBUG", "").lower() in {"1", "true", "yes", "on"}
    return debug and "PORT" not in environment
