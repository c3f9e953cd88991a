"""What the metadata and the types of a graph tell about its detector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.graph.metadata import (
    PARENT_KEY,
    RECIPE_KEY,
    VARIANT_KEY,
    WEIGHTS_KEY,
    class_names_in,
    detections_in,
    metadata_of,
    scale_in_input,
)
from gridrt.runtime.info import ModelInfo, Precision

if TYPE_CHECKING:  # an engine runs without onnx
    from onnx import ModelProto


def graph_info(model: ModelProto, path: Path, backend: str, device: str = "") -> ModelInfo:
    """What a graph that `gridrt export` wrote, or one made from it, tells.

    Args:
        model: the graph.
        path: its file, for errors.
        backend: what runs it.
        device: that it runs on.

    Raises:
        GraphError: its metadata are not those of a graph of ours.
    """
    return metadata_info(metadata_of(model), path, "ONNX", narrowest_type(model), backend, device)


def metadata_info(
    metadata: Mapping[str, str], path: Path, format_: str, precision: Precision, backend: str, device: str = ""
) -> ModelInfo:
    """The same, of the metadata of a graph and what is known besides.

    Raises:
        GraphError: they are not those of a graph of ours.
    """
    return ModelInfo(
        class_names=class_names_in(metadata, path),
        noted_scale=scale_in_input(metadata, path),
        format=format_,
        precision=precision,
        backend=backend,
        device=device,
        variant=metadata.get(VARIANT_KEY),
        recipe=metadata.get(RECIPE_KEY),
        weights_sha256=metadata.get(WEIGHTS_KEY),
        parent_sha256=metadata.get(PARENT_KEY),
        max_detections=detections_in(metadata, path).max_detections,
    )


def narrowest_type(model: ModelProto) -> Precision:
    """The narrowest type that layers of a graph compute in, by its Q/DQ nodes, its weights and its tensors."""
    from onnx import TensorProto

    if any(node.op_type == "DequantizeLinear" for node in model.graph.node):
        return "int8"
    types = {tensor.data_type for tensor in model.graph.initializer}
    types |= {value.type.tensor_type.elem_type for value in model.graph.value_info}
    return "fp16" if TensorProto.FLOAT16 in types else "bf16" if TensorProto.BFLOAT16 in types else "fp32"
