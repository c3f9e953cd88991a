"""What every test may use."""

from __future__ import annotations

import os

# Before any library counts the cores: tests run side by side, and one thread gives the same sums everywhere.
os.environ["OMP_NUM_THREADS"] = "1"

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# The first example pays for imports and warm-up, and a shared machine stalls: time says nothing here.
settings.register_profile("gridrt", deadline=None, max_examples=50)
settings.load_profile("gridrt")

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "data" / "golden"

Arrays = Mapping[str, npt.NDArray[np.generic]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real pictures that are too large for the repository: the folder GRIDRT_DATA names, else shared/data beside it."""
    folder = Path(os.environ.get("GRIDRT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no pictures at {folder}; set GRIDRT_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Arrays]:
    """Loads tests/data/golden/<name>.npz: inputs and outputs of the reference implementation."""

    def load(name: str) -> Arrays:
        with np.load(GOLDEN / f"{name}.npz") as arrays:
            return dict(arrays)

    return load
