"""Launches and bytes by rule, beside numbers that were worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from benchmarks.launch_rules import Launched, launched, stored_bytes
from benchmarks.operators import ON_CUDA_ONLY, Recorder, recorded, table
from gridrt.plugins.kernels import ALL_KERNELS

MAP, WEIGHT = torch.empty(1, 4, 8, 8), torch.empty(6, 4, 1, 1)


def calls_of(work: Callable[[], object]) -> list[Launched]:
    with torch.no_grad(), Recorder() as recorder:
        work()
    return [call for call in recorder.calls if call.launches]


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        # In 256 floats, weights 24, out 384.
        (lambda: torch.conv2d(MAP, WEIGHT), [Launched("aten::convolution", 1, 4 * (256 + 24 + 384))]),
        # And the bias, 6, which reads and writes the output once more.
        (
            lambda: torch.conv2d(MAP, WEIGHT, torch.empty(6)),
            [Launched("aten::convolution", 2, 4 * (256 + 24 + 6 + 3 * 384))],
        ),
        (lambda: MAP.permute(0, 2, 3, 1).unsqueeze(0)[..., :2], []),
        (lambda: torch.empty(5), []),
        (lambda: MAP + torch.empty(1).expand(8), [Launched("aten::add", 1, 4 * (256 + 1 + 256))]),
    ],
    ids=["convolution", "with bias", "views", "memory", "expanded"],
)
def test_launches_and_bytes(work: Callable[[], object], expected: list[Launched]) -> None:
    assert calls_of(work) == expected


def test_what_is_expanded_is_in_memory_once() -> None:
    assert stored_bytes(torch.empty(3, 1, dtype=torch.float16).expand(3, 100)) == 6


def test_an_operator_that_writes_in_place_is_a_launch_and_no_view() -> None:
    tensor = torch.empty(4)
    assert launched(torch.ops.aten.add_.Tensor, (tensor, tensor), {}, tensor).launches == 1


@pytest.fixture(scope="module")
def runs() -> tuple[list[Launched], list[Launched]]:
    """Of `tiny`, before and after its layers are fused."""
    before, after = (recorded("tiny", (1, 256, 320, 3), fused=fused) for fused in (False, True))
    return before, after


def test_fusing_takes_launches_and_bytes_away_and_adds_kernels(runs: tuple[list[Launched], list[Launched]]) -> None:
    before, after = runs
    for figure in ("launches", "bytes"):
        assert sum(getattr(call, figure) for call in after) < sum(getattr(call, figure) for call in before)
    ours = {call.name for call in after if call.name.startswith("gridrt::")}
    assert ours == {f"gridrt::{kernel.contract.folder.name}" for kernel in ALL_KERNELS}


def test_operators_that_only_cuda_has_are_those_that_are_replaced(
    runs: tuple[list[Launched], list[Launched]],
) -> None:
    """The backbone of `tiny` has no batch norms, and so no fused sums."""
    fused = {call.name for call in runs[1]} - {call.name for call in runs[0]}
    names = {f"aten::{name.partition('.')[0]}" for name in ON_CUDA_ONLY}
    assert {name for name in fused if "cudnn" in name or name == "aten::mm"} == names - {
        "aten::cudnn_convolution_add_relu"
    }


def test_the_table_has_both_runs_and_their_sums() -> None:
    one, other = Launched("a", 2, 3_000_000), Launched("b", 1, 1_000_000)
    lines = [line.split() for line in table([one, one, other], [other])]
    assert lines[1:] == [["a", "4", "6.0", "0", "0.0"], ["b", "1", "1.0", "1", "1.0"], ["all", "5", "7.0", "1", "1.0"]]
