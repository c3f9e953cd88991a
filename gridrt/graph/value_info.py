"""The types and shapes of the tensors inside a graph, noted in its file: tools that cut or draw graphs read them."""

from __future__ import annotations

import onnx.shape_inference
from onnx import ModelProto


def note_value_info(model: ModelProto) -> None:
    """Note type and shape of every tensor between the nodes of `model`, in place of what is noted.

    Dimensions are numbers, names that the graph's inputs have, or unknown.

    Raises:
        onnx.shape_inference.InferenceError: types or shapes contradict each other.
    """
    graph = model.graph
    del graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    names = {dimension.dim_param for value in graph.input for dimension in value.type.tensor_type.shape.dim}
    for value in inferred.graph.value_info:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param not in names:  # names that the inference makes up
                dimension.ClearField("dim_param")
    graph.value_info.extend(inferred.graph.value_info)
