"""What a graph asks for and what layers run is read from types, and a downgrade is noticed."""

from __future__ import annotations

from typing import Any

import onnx.parser
import pytest

from gridrt.errors import EngineError
from gridrt.export.engine.precision import built_precisions, by_stage, planned_precisions, require_planned

GRAPH = """
<ir_version: 10, opset_import: ["" : 20]>
mixed (float16[1,3,8,8] x, float[1,3,8,8] y)
    => (float16[1,3,8,8] a, float[1,3,8,8] b, float16[1,3,8,8] c, float16[1,3,8,8] d)
<float16[3,3,1,1] half, float[3,3,1,1] single, int8[3,3,1,1] bytes, float16[3] scales, int8[3] zeros,
 float16 scale, int8 zero>
{
    a = Conv(x, half)
    b = ConvTranspose(y, single)
    quantized = QuantizeLinear(x, scale, zero)
    dequantized = DequantizeLinear(quantized, scale, zero)
    weight = DequantizeLinear<axis: int = 0>(bytes, scales, zeros)
    c = Conv(dequantized, weight)
    d = Conv(x, weight)
}
"""


def tensors(*types: str) -> str:
    """As TensorRT writes them."""
    return f"[ {', '.join(f'{{ Name: t, Dimensions: [1,8], Datatype: {kind}, Format: Linear }}' for kind in types)}]"


def layer(nodes: str, inputs: str, constants: str, outputs: str = "") -> str:
    metadata = "".join(f"[ONNX Layer: {node}]" for node in nodes.split())
    return (
        f"Name: some_myl0_1, LayerType: correlation, Inputs: {tensors(*inputs.split())}, "
        f"Constants: {tensors(*constants.split())}, Outputs: {tensors(*outputs.split())}, StreamId: 0, "
        f"Metadata: {metadata}"
    )


def test_types_in_the_graph_are_the_plan() -> None:
    model = onnx.parser.parse_model(GRAPH)
    for node, name in zip(model.graph.node, ("half", "single", "q", "dq", "w", "int8", "weights"), strict=True):
        node.name = name
    assert planned_precisions(model) == {
        "half": "fp16",
        "single": "fp32",
        "int8": "int8",
        "weights": "fp16",  # only they are stored in int8
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (layer("conv", "Half", "Half Float Half", "Half"), "fp16"),
        (layer("conv relu", "Half Half", "Half Float", "Half"), "fp16"),
        (layer("conv", "Int8", "Int8 Float Float", "Float"), "int8"),
        (layer("conv", "Float", "Float", "Half"), "fp32"),
        (layer("conv", "UInt8 Int32", "Float Half", "Half"), None),
        (layer("conv", "Half", "Int8", "Int8"), None),
        (layer("conv", "BFloat16", "BFloat16", "BFloat16"), None),
        ("Name: conv, LayerType: Reformat, Inputs: [], Outputs: [], Metadata: [ONNX Layer: conv]", None),
    ],
)
def test_the_layer_that_multiplies_reads_values_and_weights_of_one_type(line: str, expected: str | None) -> None:
    assert built_precisions(line).get("conv") == expected


@pytest.mark.parametrize(
    ("values", "weights", "expected"),
    [
        ("Half", "Half", "fp16"),
        ("Channel major FP16 format where channel % 8 == 0", "Half", "fp16"),
        ("Row major linear FP32", "Float", "fp32"),
        ("Row major Int8 format", "Int8", "int8"),
    ],
)
def test_older_versions_are_understood(values: str, weights: str, expected: str) -> None:
    line = (
        "Name: conv + relu, LayerType: CaskConvolution, "
        f"Inputs: [ {{ Name: x, Location: Device, Dimensions: [1,3,8,8], Format/Datatype: {values} }}], "
        f"Outputs: [ {{ Name: y, Location: Device, Dimensions: [1,3,8,8], Format/Datatype: {values} }}], "
        f'ParameterType: Convolution, Weights: {{"Type": "{weights}", "Count": 9}}, '
        "Metadata: [ONNX Layer: conv]\x1f[ONNX Layer: relu]"
    )
    assert built_precisions(line) == {"conv": expected, "relu": expected}


def test_a_node_that_is_spread_over_layers_runs_in_the_type_of_the_narrowest_product() -> None:
    lines = [
        layer("conv", "Half", "Int8", "Int8"),  # quantises what comes in
        layer("conv", "Int8", "Int8 Float", "Float"),  # multiplies
        layer("conv relu", "Float", "Half Float", "Half"),  # scales what comes out
    ]
    assert built_precisions("\n".join(lines))["conv"] == "int8"


@pytest.mark.parametrize(("planned", "built"), [("fp16", "fp32"), ("int8", "fp16"), ("int8", "fp32")])
def test_more_bits_than_planned_are_an_error(planned: str, built: str) -> None:
    plan: Any = {"neck/Conv": "fp16", "backbone/Conv": planned}
    found: Any = {"neck/Conv": "fp16", "backbone/Conv": built}
    with pytest.raises(EngineError) as caught:
        require_planned(plan, found)
    assert caught.value.place == "backbone/Conv"
    assert str(caught.value.value).startswith(f"{built} instead of {planned}; 1 ")
    assert str(caught.value.value).endswith(" 2")


def test_what_is_planned_or_narrower_or_not_told_passes() -> None:
    require_planned({"a": "fp32", "b": "fp16", "c": "int8"}, {"a": "fp16", "b": "fp16"})


def test_stages_count_their_nodes() -> None:
    nodes = ("backbone.conv1/Conv", "backbone.layer1.0.conv1/Conv", "roi_head.grid_head.convs.0.conv/Conv")
    built: Any = {"backbone.conv1/Conv": "fp16", "roi_head.grid_head.convs.0.conv/Conv": "fp32"}
    planned: Any = dict.fromkeys(nodes, "fp16")
    assert by_stage(planned, built) == {
        "backbone": {"fp16": 1, "unknown": 1},
        "grid_head": {"fp32": 1},
    }
