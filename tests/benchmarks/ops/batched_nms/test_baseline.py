from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.ops.batched_nms import baseline as baseline_module
from benchmarks.ops.batched_nms.baseline import nms_by_torch
from benchmarks.ops.batched_nms.inputs import nms_inputs
from gridrt.ops.nms import batched_nms


def test_without_torchvision_for_the_gpu_the_definition_is_the_baseline_and_says_so() -> None:
    inputs = nms_inputs(20, 2, 3)
    attributes: Mapping[str, Any] = {"iou_threshold": 0.5, "score_threshold": 0.1, "max_output": 5}

    (baseline,) = nms_by_torch(attributes, inputs)

    assert "no torchvision here" in baseline.name
    assert not baseline.is_captured
    torch.testing.assert_close(baseline.call(), batched_nms(*inputs, **attributes))


def test_torchvision_is_timed_with_candidates_that_are_there_and_with_the_waits_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = nms_inputs(20, 2, 3)
    attributes: Mapping[str, Any] = {"iou_threshold": 0.5, "score_threshold": 0.01, "max_output": 5}
    called: list[int] = []

    def by_torchvision(boxes: Tensor, scores: Tensor, _groups: Tensor, _threshold: float) -> Tensor:
        called.append(len(boxes))
        return scores.argsort(descending=True)

    monkeypatch.setattr(baseline_module, "torchvision_ops", lambda: SimpleNamespace(batched_nms=by_torchvision))
    for baseline in nms_by_torch(attributes, inputs):
        baseline.call()
        assert not baseline.is_captured
    assert called == [int((inputs[1] > 0.01).sum())] * 2


def test_scores_are_those_of_a_classifier_and_not_uniform() -> None:
    """At the shapes of R-50, of 80,000 candidates some thousand are above its threshold, as with real images."""
    _, scores, _ = nms_inputs(1000, 80, 1)
    assert 500 <= int((scores > 0.03).sum()) <= 3000
