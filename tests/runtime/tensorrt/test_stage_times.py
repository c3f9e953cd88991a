from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest

from gridrt.export.engine.build import library_for
from gridrt.export.engine.network import network_from_graph
from gridrt.export.engine.options import EngineOptions
from gridrt.export.engine.profile import fix_inputs, profile_for
from gridrt.export.engine.serialize import serialized
from gridrt.export.passes.static_rows import static_rows
from gridrt.plugins.adapters.python_plugin import register_python_plugins
from gridrt.plugins.kernels import KERNELS
from gridrt.runtime.tensorrt.layer_times import LayerTime
from gridrt.runtime.tensorrt.stage_times import engine_stage_times, stages_of_layers
from gridrt.stages import STAGES, Stage

OPTIONS = EngineOptions(profile_for((320, 256), (1, 1), ((256, 320), (256, 320))), "tensorrt-rtx")


def line(name: str, *nodes: str) -> str:
    """As the inspector describes a layer."""
    metadata = "\x1f".join(f"[ONNX Layer: {node}]" for node in nodes)
    return f"Name: {name}, LayerType: kgen, Inputs: [ {{ Name: x }}], Outputs: [], Metadata: {metadata}"


# As an engine runs them, and the stage of each.
LAYERS: Sequence[tuple[Stage, str]] = (
    ("input", line("a", "Shape", "normalize/Cast", "normalize/Where")),
    ("backbone", line("b", "backbone.conv1/Conv", "where/quantized/QuantizeLinear")),
    ("backbone", line("c")),
    ("backbone", line("d", "backbone.layer4.0/Add", "backbone.layer4.0/Relu", "neck.lateral_convs.3.conv/Conv")),
    ("fpn", line("e", "neck.fpn_convs.0.conv/Conv")),
    ("rpn", line("f", "rpn_head.rpn_conv/Conv")),
    ("fpn", line("g", "neck.fpn_convs.1.conv/Conv")),
    ("fpn", line("h", "conv2d_25/quantized/QuantizeLinear")),
    ("proposals", line("i", "TopK", "Cast_3")),
    ("proposals", line("BatchedNms_myl0_1", "BatchedNms")),
    ("proposals", line("j", "Concat_17", "Expand_16")),
    ("roi_align", line("k", "MultiLevelRoiAlign")),
    ("roi_align", line("l", "view_27/quantized/QuantizeLinear_1")),
    ("box_head", line("m", "roi_head.bbox_head.fc_cls/Gemm", "linear_2/fp32/Cast")),
    ("box_head", line("n", "linear_2/fp32/Cast", "Softmax")),
    ("detections", line("BatchedNms_myl0_2", "BatchedNms_1")),
    ("grid_fusion", line("o", "GridFusion")),
    ("grid_fusion", line("p")),
    ("decode", line("q", "ArgMax")),
)


def test_layers_are_of_the_stage_that_most_of_their_nodes_name_or_that_their_place_tells() -> None:
    text = "\n".join((*(text for _, text in LAYERS), "Engine Metadata:", " Multi-Device: Disabled"))

    stages = stages_of_layers(text)

    assert list(stages.values()) == [stage for stage, _ in LAYERS]


def test_layers_that_bear_a_comma_in_their_name_are_known_by_the_whole_of_it() -> None:
    assert stages_of_layers(line("Conv, Add", "neck/Add")) == {"Conv, Add": "fpn"}


class FakeSession:
    """Reports layers that take longer in the first run."""

    layers = "\n".join(text for _, text in LAYERS)

    def layer_times(self, images: object, image_sizes: object, *, runs: int) -> list[list[LayerTime]]:
        assert (images, image_sizes) == (IMAGES, SIZES)
        return [[LayerTime("b", 9.0 if run == 0 else 1.0), LayerTime("new", 2.0)] for run in range(runs)]


IMAGES, SIZES = "images", "sizes"


def test_layers_add_up_to_stages_and_unknown_ones_to_other() -> None:
    session: Any = FakeSession()
    images: Any = IMAGES
    sizes: Any = SIZES

    times = engine_stage_times(session, images, sizes, warm_up=1, runs=3)

    assert {stage: seconds for stage, seconds in times.seconds.items() if seconds} == {"backbone": 1.0, "other": 2.0}


@pytest.mark.usefixtures("tensorrt_rtx")
def test_every_layer_of_an_engine_that_multiplies_counts_where_its_weights_belong(
    exported: Callable[[str], Path],
) -> None:
    library = library_for(OPTIONS)
    model = onnx.load(exported("tiny"))
    static_rows(model)
    fix_inputs(model, OPTIONS.profile)
    register_python_plugins(library.trt, KERNELS)
    library.log.clear()
    serialized(library, network_from_graph(library, model), OPTIONS)

    stages = stages_of_layers(library.log.layers)

    assert set(stages.values()) == set(STAGES) - {"other"}
    prefixes = {
        "backbone": "backbone",
        "neck": "fpn",
        "rpn_head": "rpn",
        "roi_head.bbox_head": "box_head",
        "roi_head.grid_head": "grid_head",
    }
    weighted = {name: stage for name, stage in stages.items() if re.search(r"/(Conv|ConvTranspose|Gemm)(_|$)", name)}
    assert len(weighted) > 40
    assert weighted == {
        name: next(stage for prefix, stage in prefixes.items() if name.startswith(prefix)) for name in weighted
    }
    assert {stage for name, stage in stages.items() if name.startswith("BatchedNms")} == {"proposals", "detections"}
    assert {stage for name, stage in stages.items() if "Topk" in name} == {"proposals", "decode"}
