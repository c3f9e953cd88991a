from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, TensorProto

from gridrt.errors import GraphError
from gridrt.graph.half import FLOAT_SLOTS, HALF_OPS, to_half
from gridrt.graph.half_simulation import half_simulation
from gridrt.ops.grid import EDGES, POINTS
from gridrt.plugins.batched_nms.body import function_body as batched_nms_body
from gridrt.plugins.function_text import DetectorShape
from gridrt.plugins.grid_fusion.body import function_body as grid_fusion_body
from gridrt.plugins.multi_level_roi_align.body import function_body as multi_level_roi_align_body
from tests.calib.graphs import (
    Array,
    maker_of,
    model_of,
    node_of,
    random_input,
    readers_of,
    residual_model,
    run,
    types_of,
    weights_of,
)
from tests.half_precision import assert_errors_of_rounding, coarse_simulation

DETECTOR = DetectorShape(strides=(4, 8, 16, 32), point_channels=8)

HALF, FLOAT, INT64 = TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.INT64

PYRAMID = """
pyramid (float[N,4,H,W] x) => (float[N,4,H,W] fine, float[N,4,A,B] coarse, int64[N,C,D] best)
{
    ["down"] coarse = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, weight, bias)
    ["up"] up = Resize <mode = "nearest"> (coarse, , factors)
    ["same"] lateral = Conv <pads = [1, 1, 1, 1]> (x, weight, bias)
    ["size"] size = Shape (lateral)
    ["sum"] sum = Add (lateral, up)
    ["cut"] cut = Clip (sum, , most)
    ["is_large"] is_large = Greater (cut, half)
    ["choice"] choice = Where (is_large, cut, up)
    ["size again"] same_size = Concat <axis = 0> (size)
    ["reshape"] fine = Reshape (choice, same_size)
    ["exp"] exp = Exp (coarse)
    ["best"] best = ArgMax <axis = 1, keepdims = 0> (exp)
}
"""
"""A graph output that is read inside, one weight for two convolutions, inputs left out, integers and booleans."""


def pyramid_model() -> ModelProto:
    generator = np.random.default_rng(1)
    return model_of(
        PYRAMID,
        {
            "weight": generator.normal(size=(4, 4, 3, 3)).astype(np.float32) / 6,
            "bias": generator.normal(size=4).astype(np.float32),
            "factors": np.array([1, 1, 2, 2], np.float32),
            "most": np.array(1.5, np.float32),
            "half": np.array(0.5, np.float32),
        },
    )


MODELS = {"residual": residual_model(), "pyramid": pyramid_model()}


def in_half(model: ModelProto, *nodes: str) -> ModelProto:
    """A copy of `model` with these nodes in FP16; none stands for all."""
    rewritten = ModelProto()
    rewritten.CopyFrom(model)
    to_half(rewritten, set(nodes) or {node.name for node in model.graph.node}, "fp16")
    return rewritten


def floating_inputs(node: NodeProto, types: dict[str, int]) -> set[int]:
    """Types of the floating-point inputs, without those that are float32 in any case."""
    slots = (slot for slot in range(len(node.input)) if slot not in FLOAT_SLOTS.get(node.op_type, ()))
    return {types[node.input[slot]] for slot in slots if node.input[slot]} & {HALF, FLOAT}


@given(st.sampled_from(sorted(MODELS)), st.data())
def test_any_nodes_in_half_give_a_sound_graph_with_the_inputs_and_outputs_of_before(
    name: str, data: st.DataObject
) -> None:
    model = MODELS[name]
    names = [node.name for node in model.graph.node]
    chosen = data.draw(st.sets(st.sampled_from(names), min_size=1))

    rewritten = in_half(model, *chosen)

    onnx.checker.check_model(rewritten, full_check=True)
    assert len({node.name for node in rewritten.graph.node}) == len(rewritten.graph.node)
    types = types_of(rewritten)
    assert list(rewritten.graph.input) == list(model.graph.input)
    assert list(rewritten.graph.output) == list(model.graph.output)
    for node in rewritten.graph.node:
        if node.name in names and node.op_type != "Shape":  # which takes any type
            expected = HALF if node.name in chosen and node.op_type in HALF_OPS else FLOAT
            assert floating_inputs(node, types) <= {expected}
    assert_errors_of_rounding(model, rewritten, coarse_simulation(rewritten), {"x": random_input(images=32)})


def test_the_index_of_a_maximum_changes_only_where_two_values_are_as_near_as_rounding_takes_them() -> None:
    model, feeds = pyramid_model(), {"x": random_input(images=512)}
    _, coarse, best = run(model, feeds)

    _, in_half_coarse, in_half_best = run(half_simulation(in_half(model)), feeds)

    of_best, of_other = (np.take_along_axis(coarse, each[:, None], 1) for each in (best, in_half_best))
    # Of the exponent: the error it comes with, its rounding to half, and that of the exponential.
    error = np.abs(in_half_coarse - coarse).max() + 2.0**-11 * (np.abs(coarse).max() + 1)
    assert (of_best - of_other).max() <= 2 * error


def test_all_in_half_stores_no_weight_in_float() -> None:
    rewritten = in_half(residual_model())

    kinds = {tensor.name: tensor.data_type for tensor in rewritten.graph.initializer}
    assert set(kinds.values()) == {HALF, INT64}  # axes
    for name, values in weights_of(residual_model()).items():
        if values.dtype == np.float32:
            np.testing.assert_array_equal(weights_of(rewritten)[f"{name}/fp16"], values.astype(np.float16))


def test_a_weight_that_two_nodes_share_is_stored_once_for_each_precision() -> None:
    together, apart = in_half(pyramid_model()), in_half(pyramid_model(), "down")

    assert {"weight/fp16", "weight"} & set(weights_of(together)) == {"weight/fp16"}
    assert {"weight/fp16", "weight"} & set(weights_of(apart)) == {"weight/fp16", "weight"}
    assert readers_of(together, "weight/fp16") == {("down", 1), ("same", 1)}


def test_a_tensor_is_cast_once_for_all_who_read_it() -> None:
    rewritten = in_half(residual_model(), "backbone.layer1.0.conv1/Conv", "backbone.layer1.0.downsample.0/Conv")

    casts = [node for node in rewritten.graph.node if node.op_type == "Cast"]
    assert [(list(node.input), list(node.output)) for node in casts] == [
        (["entered"], ["entered/fp16"]),
        (["main"], ["main/fp32"]),
        (["down"], ["down/fp32"]),
    ]


def test_no_cast_stands_between_nodes_of_one_precision() -> None:
    rewritten = in_half(residual_model())

    casts = [list(node.input) for node in rewritten.graph.node if node.op_type == "Cast"]
    assert casts == [["x"], ["scores/fp16"]]


def test_what_the_graph_gives_out_is_read_inside_in_half() -> None:
    rewritten = in_half(pyramid_model(), "down", "up")

    assert maker_of(rewritten, "coarse").op_type == "Cast"
    assert types_of(rewritten)["coarse"] == FLOAT
    assert node_of(rewritten, "up").input[0] == maker_of(rewritten, "coarse").input[0]
    assert node_of(rewritten, "exp").input[0] == "coarse"


def test_factors_of_a_resize_stay_in_float() -> None:
    rewritten = in_half(pyramid_model())

    assert list(node_of(rewritten, "up").input) == ["coarse/fp16", "", "factors"]
    assert weights_of(rewritten)["factors"].dtype == np.float32


def test_integers_and_sizes_are_left_alone() -> None:
    model = in_half(pyramid_model())
    types = types_of(model)

    assert (types["size"], types["same_size"], types["best"]) == (INT64, INT64, INT64)
    assert node_of(model, "size").input[0] == "lateral"  # the size of what is half, without a cast


def test_weights_beyond_half_precision_are_refused_by_name() -> None:
    model = residual_model()
    large = next(tensor for tensor in model.graph.initializer if tensor.name == "neck_weight")
    values = onnx.numpy_helper.to_array(large).copy()
    values[0] = -7e4
    large.CopyFrom(onnx.numpy_helper.from_array(values, "neck_weight"))

    with pytest.raises(GraphError, match=r"^neck_weight: .*found 7e\+04"):
        in_half(model)
    in_half(model, "backbone.conv1/Conv")  # nobody reads it in half


REGIONS = """
regions (float[1,8,H,W] p, float[K,5] rois) => (float[K,8,7,7] pooled)
{
    ["feature"] feature = Relu (p)
    ["pool"] pooled = gridrt.MultiLevelRoiAlign
        <output_size = 7, strides = [4, 8, 16, 32], plugin_namespace = "gridrt">
        (feature, feature, feature, feature, rois)
}
"""


def test_regions_stay_in_float_where_features_are_half() -> None:
    model = model_of(REGIONS, {}, [multi_level_roi_align_body(DETECTOR)])
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 1500, (20, 2))
    rois = np.concatenate((np.zeros((20, 1)), corners, corners + generator.uniform(1, 500, (20, 2))), 1)
    feeds = {"p": generator.normal(size=(1, 8, 32, 32)).astype(np.float32), "rois": rois.astype(np.float32)}

    rewritten = in_half(model)

    types = types_of(rewritten)
    pool = node_of(rewritten, "pool")
    assert [types[name] for name in pool.input] == [HALF, HALF, HALF, HALF, FLOAT]
    assert types[pool.output[0]] == HALF
    assert [function.name for function in rewritten.functions] == ["MultiLevelRoiAlign"]
    assert_errors_of_rounding(model, rewritten, coarse_simulation(rewritten), feeds)


def test_grid_fusion_is_half_all_through() -> None:
    channels, edges = 8, len(EDGES) * 8
    generator = np.random.default_rng(0)
    weights: dict[str, Array] = {}
    for order in ("first", "second"):
        for kind, shape in (
            ("d", (edges, 1, 5, 5)),
            ("db", (edges,)),
            ("p", (edges, channels, 1, 1)),
            ("pb", (edges,)),
        ):
            weights[f"{order}_{kind}"] = (generator.normal(size=shape) * 0.1).astype(np.float32)
    model = model_of(
        f"""
        fusion (float[K,{POINTS * channels},S,S] x) => (float[K,{POINTS * channels},S,S] y)
        {{
            ["fuse"] fused = gridrt.GridFusion <plugin_namespace = "gridrt"> (x, {", ".join(weights)})
            ["relu"] y = Relu (fused)
        }}
        """,
        weights,
        [grid_fusion_body(DetectorShape((4, 8, 16, 32), channels))],
    )
    feeds = {"x": generator.normal(size=(2, POINTS * channels, 7, 7)).astype(np.float32)}

    rewritten = in_half(model)

    assert {types_of(rewritten)[name] for node in (node_of(rewritten, "fuse"),) for name in node.input} == {HALF}
    assert_errors_of_rounding(model, rewritten, coarse_simulation(rewritten), feeds)


def test_suppression_of_boxes_stays_in_float_also_where_it_is_planned_otherwise() -> None:
    model = model_of(
        """
        nms (float[1,N,4] boxes, float[1,N,1] scores, int32[N] groups)
            => (float[1,D,4] kept, float[1,D] kept_scores, int32[1,D] labels)
        {
            ["boxes"] moved = Mul (boxes, one)
            ["nms"] kept, kept_scores, labels = gridrt.BatchedNms
                <iou_threshold = 0.5, score_threshold = 0.1, max_output = 4, plugin_namespace = "gridrt">
                (moved, scores, groups)
        }
        """,
        {"one": np.array(1.0, "f")},
        [batched_nms_body(DETECTOR)],
    )

    rewritten = in_half(model)

    types = types_of(rewritten)
    assert [types[name] for name in node_of(rewritten, "nms").input] == [FLOAT, FLOAT, TensorProto.INT32]
    assert types[maker_of(rewritten, "moved").output[0]] == HALF
