"""What tests of several parts share."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

CHECKPOINTS = Path(__file__).parent / "checkpoints"
CASES = sorted(path.name for path in CHECKPOINTS.iterdir() if path.is_dir())

# The usual 200 ms for one example say more about how busy the machine is than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


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
