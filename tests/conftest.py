"""What tests of several parts share."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

CHECKPOINTS = Path(__file__).parent / "checkpoints"
CASES = sorted(path.name for path in CHECKPOINTS.iterdir() if path.is_dir())

# The same examples in every run (new ones with --hypothesis-profile=default). The usual 200 ms for
# one example say more about how busy the machine is than about the code.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin every test with the same hidden random states, whatever ran before it.

    Layers of torch fill their weights from such a state when they are built.
    """
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


class Case:
    """A small checkpoint in the released layout and what the reference computes with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entropy = CHECKPOINTS / name / "entropy"
        self.blt = CHECKPOINTS / name / "blt"
        with np.load(CHECKPOINTS / name / "expected.npz") as arrays:
            self.expected = {key: arrays[key] for key in arrays}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each of the reference cases."""
    return Case(request.param)
