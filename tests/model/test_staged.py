from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import pytest
import torch

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.staged import StagedModule, stage
from gridrt.stages import STAGES, Stage


class Doubling(StagedModule):
    @stage("input")
    def doubled(self, value: int, *, plus: int = 0) -> int:
        """Twice a value."""
        return 2 * value + plus

    @stage("backbone")
    def failing(self) -> None:
        raise ValueError("oops")


class Log:
    """Notes what begins and ends."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @contextmanager
    def __call__(self, name: Stage) -> Iterator[None]:
        self.notes.append(f"begin {name}")
        try:
            yield
        finally:
            self.notes.append(f"end {name}")


def test_a_stage_is_the_method_that_it_decorates() -> None:
    assert Doubling().doubled(2, plus=1) == 5
    assert Doubling.doubled.__doc__ == "Twice a value."


def test_a_hook_sees_stages_while_it_observes() -> None:
    module, log = Doubling(), Log()

    with module.observed(log):
        module.doubled(1)
    module.doubled(1)

    assert log.notes == ["begin input", "end input"]


def test_an_error_ends_the_stage_and_the_observation() -> None:
    module, log = Doubling(), Log()

    with pytest.raises(ValueError, match="oops"), module.observed(log):
        module.failing()

    assert log.notes == ["begin backbone", "end backbone"]
    assert module.stage_hook is nullcontext


@pytest.mark.parametrize(("variant", "last"), [("tiny", "decode"), ("faster_tiny", "detections")])
def test_a_detector_runs_the_stages_in_their_order(
    untrained: Callable[[str], GridRCNN], variant: str, last: Stage
) -> None:
    model, log = untrained(variant), Log()

    with torch.inference_mode(), model.observed(log):
        model(torch.zeros(1, 64, 96, 3, dtype=torch.uint8), torch.tensor([[64, 96]], dtype=torch.int32))

    begun = [note.removeprefix("begin ") for note in log.notes if note.startswith("begin")]
    assert list(dict.fromkeys(begun)) == list(STAGES[: STAGES.index(last) + 1])
    assert begun.count("roi_align") == (2 if variant == "tiny" else 1)
