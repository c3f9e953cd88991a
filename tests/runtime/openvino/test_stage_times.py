from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from openvino import Model

from gridrt.graph.graph import load_graph
from gridrt.runtime.openvino import stage_times as module
from gridrt.runtime.openvino.stage_times import graph_stage_times, stages_of_layers
from gridrt.stages import Stage
from tests.runtime.weighted_layers import weighted_by_stage

IMAGES = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
SIZES = np.array([[60, 90]], np.int32)
MULTIPLY = {"Convolution", "Deconvolution", "FullyConnected"}


@pytest.mark.parametrize(("recipe", "target"), [("fp32", ""), ("int8", "tensorrt"), ("int8", "cpu")])
def test_every_layer_counts_where_its_weights_belong_in_any_precision(
    exported: Callable[[str], Path],
    written: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
    target: str,
) -> None:
    seen: list[tuple[str, Stage]] = []

    def recorded(runtime: Model, stage_by_name: Mapping[str, Stage]) -> dict[str, Stage]:
        stages = stages_of_layers(runtime, stage_by_name)
        for layer in runtime.get_ordered_ops():
            kind = str(layer.get_rt_info()["layerType"].astype(str))
            seen.append((kind, stages.get(layer.get_friendly_name(), "other")))
        return stages

    monkeypatch.setattr(module, "stages_of_layers", recorded)

    times = graph_stage_times(load_graph(written(recipe, target)), IMAGES, SIZES, threads=1, warm_up=0, runs=1)

    expected = weighted_by_stage(onnx.load(exported("tiny")).graph)
    assert Counter(stage for kind, stage in seen if kind in MULTIPLY) == expected
    by_kind = {kind: {stage for each, stage in seen if each == kind} for kind, _ in seen}
    assert by_kind["NonMaxSuppression"] == {"proposals", "detections"}
    assert (by_kind["ROIAlign"], by_kind["Softmax"]) == ({"roi_align"}, {"box_head"})
    assert by_kind["TopK"] == {"proposals", "detections", "decode"}
    assert all(seconds > 0 for stage, seconds in times.seconds.items() if stage != "other")
    assert times.seconds["other"] < 0.05 * times.total
