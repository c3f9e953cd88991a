"""BF16 with coordinates in FP32: an FP32 graph whose features are BF16, and proof that OpenVINO computes them so.

BF16 has 8 significant bits: its steps are 4 px at 512 px, and 8 px from 1024 px on. OpenVINO's own hint `bf16` rounds
whatever stands before the last heavy layer, proposals too. So the types stand in the graph, and the hint is `f32`: all
that carries pixels, sizes or the scores that rank boxes stays as it is, and so do the layers that give deltas and
objectness, which are small.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from onnx import ModelProto
from openvino import CompiledModel

from gridrt.errors import DependencyError, GraphError
from gridrt.graph.graph import Graph
from gridrt.graph.half import to_half
from gridrt.runtime.graph_info import narrowest_type
from gridrt.runtime.info import Precision
from gridrt.runtime.openvino.compile import core

FEATURES = (
    "backbone*",
    "neck*",
    "rpn_head.rpn_conv*",
    "rpn_head/Relu*",
    "MultiLevelRoiAlign*",
    "roi_head.bbox_head*",
    "roi_head.grid_head*",
    "GridFusion*",
)
"""Patterns over the names of nodes."""
SURE = "backbone.layer"
"""Layers that every processor with BF16 has kernels for begin so."""
PRODUCTS = ("Convolution", "FullyConnected")


def bf16_graph(graph: Graph) -> Graph:
    """A copy of an FP32 graph with its features in BF16.

    Raises:
        GraphError: the graph is in another precision.
    """
    require_fp32(narrowest_type(graph.model), graph.path)
    model = ModelProto()
    model.CopyFrom(graph.model)
    names = (node.name for node in model.graph.node)
    to_half(model, {name for name in names if any(fnmatchcase(name, each) for each in FEATURES)}, "bf16")
    return Graph(model, graph.path, graph.sha256)


def require_fp32(precision: Precision, place: Path) -> None:
    """Refuse a graph whose precision is planned already.

    Raises:
        GraphError: it is not in FP32.
    """
    if precision != "fp32":
        remedy = "Name the FP32 graph that it was made from."
        raise GraphError("a graph that runs in BF16 must be in FP32", place=place, value=precision, remedy=remedy)


def require_bf16() -> None:
    """Refuse a processor without BF16, where OpenVINO would compute in FP32 without a word.

    Raises:
        DependencyError: it has none.
    """
    capabilities = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if "BF16" not in capabilities:
        raise DependencyError(
            "this processor has no BF16",
            place=core().get_property("CPU", "FULL_DEVICE_NAME"),
            value=", ".join(each for each in capabilities if each[-1].isdigit()),
            remedy="BF16 needs AVX512_BF16 or AMX. The backend openvino runs the graph in FP32.",
        )


def require_computed_in_bf16(compiled: CompiledModel, place: object) -> None:
    """Refuse a compiled graph whose backbone runs in another precision.

    Raises:
        GraphError: a layer of it does.
    """
    for layer in compiled.get_runtime_model().get_ordered_ops():
        facts = {key: str(value.astype(str)) for key, value in layer.get_rt_info().items()}
        is_sure = facts["layerType"] in PRODUCTS and SURE in facts["originalLayersNames"]
        if is_sure and facts["runtimePrecision"] != "bf16":
            raise GraphError(
                "a layer must run in BF16: OpenVINO compiled it in another precision",
                place=place,
                value=f"{layer.get_friendly_name()} in {facts['runtimePrecision']}",
            )
