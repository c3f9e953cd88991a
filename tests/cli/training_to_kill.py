"""Runs of `gridrt train` in processes of their own that kill themselves."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from unittest.mock import patch

from tqdm import tqdm

from gridrt.cli.main import cli
from gridrt.training.optimization import Optimization


def train_until(number: int, arguments: Sequence[str]) -> None:
    """`gridrt` with these arguments, killed at the step of the iteration with that number, from 1."""
    step, made = Optimization.step, list[None]()

    def step_or_end(*of_step: Any) -> Mapping[str, float]:  # noqa: ANN401 - those of step
        made.append(None)
        if len(made) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*of_step)

    tqdm.set_lock(threading.RLock())  # its own is a semaphore, of which a killed process leaves one behind
    with patch.object(Optimization, "step", step_or_end):
        cli(list(arguments))
