"""The kernel, run on the CPU, selects what the definition selects: the same bits in the same order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gridrt.ops.nms import batched_nms
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL, KEPT
from gridrt.plugins.contract import Attributes
from gridrt.plugins.kernel import Kernel, Launch, Variant
from tests.plugins.host_kernel import Compiler, HostKernel

WINDOW = 64
FLOAT32 = Variant("float32")


def with_small_windows(kernel: Kernel) -> Kernel:
    """The same with blocks of `WINDOW` threads, so that few candidates fill many windows."""

    def macros(attributes: Attributes) -> Mapping[str, str]:
        return {**kernel.macros(attributes), "GRIDRT_THREADS": str(WINDOW)}

    def launch(variant: Variant, attributes: Attributes) -> Launch:
        return replace(kernel.launch(variant, attributes), threads=WINDOW)

    return replace(kernel, macros=macros, launch=launch)


SMALL_WINDOWS = with_small_windows(BATCHED_NMS_KERNEL)


class Checked:
    """A node's kernel beside its definition."""

    def __init__(
        self,
        compile_for_host: Compiler,
        iou_threshold: float,
        score_threshold: float,
        max_output: int,
        kernel: Kernel = SMALL_WINDOWS,
    ) -> None:
        self._attributes = {
            "iou_threshold": iou_threshold,
            "score_threshold": score_threshold,
            "max_output": max_output,
        }
        self._kernel = HostKernel(kernel, FLOAT32, self._attributes, compile_for_host)

    def __call__(self, boxes: Tensor, scores: Tensor, groups: Tensor) -> Tensor:
        """The kept groups [B, D], once all outputs are compared."""
        expected = batched_nms(boxes, scores, groups, **self._attributes)  # type: ignore[arg-type]
        for backwards in (False, True):
            actual = self._kernel(boxes, scores, groups, backwards=backwards)
            for one, other in zip(actual, expected, strict=True):
                assert one.dtype == other.dtype
                assert torch.equal(one.view(torch.int32), other.view(torch.int32))
        return expected[2]


def random_boxes(generator: torch.Generator, images: int, rows: int, extent: float) -> Tensor:
    corners = torch.rand(images, rows, 2, 2, generator=generator) * extent
    return torch.cat((corners.amin(2), corners.amax(2)), 2)


def few_values(seed: int, images: int, rows: int, columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Candidates with much in common: equal boxes, empty and inverted ones, simple overlaps, equal scores."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.randint(0, 6, (images, rows, 4), generator=generator).float()
    boxes[..., 2:] += torch.randint(0, 2, (images, rows, 1), generator=generator) * 4
    scores = torch.tensor([-torch.inf, -0.5, -0.0, 0.0, 0.3, 0.5, 1.0, torch.inf, torch.nan])
    of_candidate = torch.randint(0, len(scores), (images, rows, columns), generator=generator)
    return boxes, scores[of_candidate], torch.randint(0, 3, (rows,), generator=generator, dtype=torch.int32)


cases = st.builds(few_values, st.integers(0, 2**31), st.integers(1, 2), st.integers(0, 60), st.integers(1, 3))


@pytest.mark.parametrize(("iou_threshold", "score_threshold", "max_output"), [(0.3, 0.3, 7), (0.5, -1.0, 100)])
def test_it_selects_what_the_definition_selects(
    compile_for_host: Compiler, iou_threshold: float, score_threshold: float, max_output: int
) -> None:
    check = Checked(compile_for_host, iou_threshold, score_threshold, max_output)

    @given(cases)
    def check_case(case: tuple[Tensor, Tensor, Tensor]) -> None:
        check(*case)

    check_case()


@pytest.mark.parametrize("max_output", [200, 2000])
def test_windows_do_not_show(compile_for_host: Compiler, max_output: int) -> None:
    check = Checked(compile_for_host, 0.5, 0.1, max_output)
    generator = torch.Generator().manual_seed(max_output)
    boxes, scores = random_boxes(generator, 2, 300, 60), torch.rand(2, 300, 3, generator=generator) ** 4
    kept = (check(boxes, scores, torch.arange(300, dtype=torch.int32) % 4) >= 0).sum(1)
    assert (kept > 2 * WINDOW).all()


def test_of_more_equal_scores_than_a_window_holds_the_first_are_kept(compile_for_host: Compiler) -> None:
    check = Checked(compile_for_host, 0.5, 0.1, 200)
    corners = torch.arange(400.0).view(1, 400, 1) * 10
    boxes = torch.cat((corners, corners, corners + 5, corners + 5), 2)
    scores = torch.full((1, 400, 1), 0.25)
    scores[0, 350] = 0.75
    assert check(boxes, scores, torch.arange(400, dtype=torch.int32)).tolist() == [[350, *range(199)]]


def test_one_box_may_suppress_windows_of_others(compile_for_host: Compiler) -> None:
    check = Checked(compile_for_host, 0.5, 0.1, 200)
    boxes = torch.tensor([0.0, 0.0, 9.0, 9.0]).repeat(1, 500, 1)
    scores = torch.linspace(1, 0.2, 1000).view(1, 500, 2)
    assert check(boxes, scores, torch.zeros(500, dtype=torch.int32)).tolist() == [[0, 1, *[-1] * 198]]


def test_groups_that_rounding_pushes_together_are_compared(compile_for_host: Compiler) -> None:
    check = Checked(compile_for_host, 0.0, 0.1, 400)
    side = 2.0**24 + 1500
    boxes = torch.tensor([0.0, 0.0, side, side]).repeat(1, 300, 1)
    groups = torch.arange(1000, 1300, dtype=torch.int32)
    kept = check(boxes, torch.linspace(1, 0.5, 300).view(1, 300, 1), groups)
    assert 0 < (kept >= 0).sum() < 300


def test_overlaps_are_those_of_rounded_boxes(compile_for_host: Compiler) -> None:
    check = Checked(compile_for_host, 0.5, 0.1, 2000)
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(300, 2, generator=generator) * 1000
    shares = 1 + torch.randn(300, 2, generator=generator) * 0.05
    first = torch.cat((corners, corners + 4), 1)
    second = torch.cat((corners, corners + 4 * 0.5**0.5 * shares), 1)
    boxes, scores = torch.cat((first, second))[None], torch.linspace(1, 0.2, 600).view(1, 600, 1)
    groups = torch.arange(300, dtype=torch.int32).repeat(2)
    near, far = ((check(boxes, scores, groups + shift) >= 0).sum() for shift in (0, 700))
    assert near != far


@pytest.mark.parametrize("rows", [0, 1, 70])
def test_rows_without_a_candidate_are_cleared(compile_for_host: Compiler, rows: int) -> None:
    check = Checked(compile_for_host, 0.3, 0.3, 7)
    assert (check(torch.ones(2, rows, 4), torch.zeros(2, rows, 3), torch.zeros(rows, dtype=torch.int32)) == -1).all()


def test_no_images_are_no_detections(compile_for_host: Compiler) -> None:
    attributes = {"iou_threshold": 0.3, "score_threshold": 0.3, "max_output": 7}
    kernel = HostKernel(SMALL_WINDOWS, FLOAT32, attributes, compile_for_host)
    outputs = kernel(torch.zeros(0, 5, 4), torch.zeros(0, 5, 2), torch.zeros(5, dtype=torch.int32))
    assert [tuple(output.shape) for output in outputs] == [(0, 7, 4), (0, 7), (0, 7)]


def test_proposals_of_five_levels_are_selected(compile_for_host: Compiler) -> None:
    check = Checked(compile_for_host, 0.7, -1.0, 1000, BATCHED_NMS_KERNEL)
    generator = torch.Generator().manual_seed(0)
    objects = torch.rand(250, 2, generator=generator) * torch.tensor([1300.0, 760.0])
    centres = objects[torch.randint(0, 250, (5000,), generator=generator)] + torch.randn(5000, 2, generator=generator)
    groups = torch.arange(5000, dtype=torch.int32) // 1000
    sizes = (32 * 2.0**groups)[:, None] * torch.exp(torch.randn(5000, 2, generator=generator) * 0.15)
    limits = torch.tensor([1333.0, 800.0]).repeat(2)
    boxes = torch.cat((centres - sizes / 2, centres + sizes / 2), 1).clamp(min=0).minimum(limits)
    scores = torch.sigmoid(torch.randn(1, 5000, 1, generator=generator) * 4 - 4)
    scores[0, 4800:] = -1.0  # rows that hold none
    assert (check(boxes[None], scores, groups) >= 0).sum() > 900


def test_detections_of_eighty_classes_are_selected(compile_for_host: Compiler) -> None:
    check = Checked(compile_for_host, 0.3, 0.03, 100, BATCHED_NMS_KERNEL)
    generator = torch.Generator().manual_seed(1)
    boxes = random_boxes(generator, 1, 1000, 800)
    scores = torch.softmax(torch.randn(1, 1000, 80, generator=generator) * 3, -1)
    kept = check(boxes, scores, torch.zeros(1000, dtype=torch.int32))
    assert (kept >= 0).all()
    assert len(kept.unique()) > 40


@given(st.integers(1, 5120))
def test_kept_boxes_fit_in_shared_memory(max_output: int) -> None:
    attributes = {"iou_threshold": 0.5, "score_threshold": 0.5, "max_output": max_output}
    buckets = int(BATCHED_NMS_KERNEL.macros(attributes)["GRIDRT_BUCKETS"])
    shared_memory = BATCHED_NMS_KERNEL.launch(FLOAT32, attributes).shared_memory.value({})
    assert buckets >= 1
    assert shared_memory == 16 * max_output * buckets <= KEPT
