"""A stand-in for a GPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

STREAM = 77


class FakeGpu:
    """The CPU's memory; a recording repeats what was recorded, and counts."""

    stream = STREAM
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.recorded = self.replayed = 0
        self.capture_error: RuntimeError | None = None

    def on_stream(self) -> AbstractContextManager[object]:
        return nullcontext()

    def captured(self, launch: Callable[[], None]) -> Callable[[], None]:
        if self.capture_error is not None:
            raise self.capture_error
        self.recorded += 1

        def replay() -> None:
            self.replayed += 1
            launch()

        return replay
