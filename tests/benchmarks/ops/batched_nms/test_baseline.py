from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.ops.batched_nms.baseline import nms_by_torch
from benchmarks.ops.batched_nms.inputs import nms_inputs
from gridrt.ops.nms import batched_nms


def test_without_torchvision_for_the_gpu_the_definition_is_the_baseline_and_says_so() -> None:
    inputs = nms_inputs(20, 2, 3)
    attributes: Mapping[str, Any] = {"iou_threshold": 0.5, "score_threshold": 0.1, "max_output": 5}

    name, call = nms_by_torch(inputs, attributes)

    assert "no torchvision here" in name
    torch.testing.assert_close(call(), batched_nms(*inputs, **attributes))
