"""The graph of one detector with the weights of another of the same variant.

Tracing takes 40 s of CPU time, and does not look at weights. So one trace serves all; what the exporter would have
written for the other weights is checked, byte by byte, in tests/export/test_reweighted.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, numpy_helper

from gridrt.export.metadata import describe
from gridrt.graph.value_info import note_value_info
from gridrt.model.grid_rcnn import GridRCNN

Weights = Mapping[str, npt.NDArray[np.generic]]


def reweighted(graph: ModelProto, traced: GridRCNN, model: GridRCNN, parent_sha256: str) -> ModelProto:
    """What `onnx_from_model(model, parent_sha256)` returns.

    Args:
        graph: of `traced`.
        traced: no two of its weights are equal.
        model: of the same variant.
        parent_sha256: of the file that its weights came from.
    """
    old, new = (
        {name: weight.numpy() for name, weight in each.state_dict().items() if weight.is_floating_point()}
        for each in (traced, model)
    )
    out = ModelProto()
    out.CopyFrom(graph)
    for tensor in out.graph.initializer:
        if tensor.data_type == TensorProto.INT64:  # a shape, which may have the number of classes
            sizes = numpy_helper.to_array(tensor)
            values = np.where(sizes == len(traced.class_names), len(model.class_names), sizes)
        elif names := parts(numpy_helper.to_array(tensor), old):
            values = np.concatenate([new[name] for name in names])
            values = values if tensor.name in new else values.reshape(tuple(tensor.dims))
        else:
            continue
        tensor.dims[:], tensor.raw_data = values.shape, values.tobytes()
    drop_zero_biases(out)
    share_equal(out)
    del out.metadata_props[:], out.graph.value_info[:]
    describe(out, model, parent_sha256)
    note_value_info(out)
    return out


def parts(values: npt.NDArray[np.generic], weights: Weights) -> list[str]:
    """The names of the weights that `values` consists of, one behind the other; none for another constant."""
    content, names = values.tobytes(), []
    while content:
        name = next((name for name, weight in weights.items() if content.startswith(weight.tobytes())), None)
        if name is None:
            return []
        names.append(name)
        content = content[weights[name].nbytes :]
    return names


def drop_zero_biases(model: ModelProto) -> None:
    """Leave out biases of convolutions that are zero, as the exporter does."""
    zeros = {tensor.name for tensor in model.graph.initializer if not any(tensor.raw_data)}
    for node in model.graph.node:
        if node.op_type == "Conv" and zeros.intersection(node.input[2:]):
            del node.input[2]
    used = {name for node in model.graph.node for name in node.input}
    remaining = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(remaining)


def share_equal(model: ModelProto) -> None:
    """Keep one of the constants that are equal, the first, as the exporter does."""
    kept: dict[tuple[object, ...], TensorProto] = {}
    instead = {
        tensor.name: kept.setdefault((tensor.data_type, tuple(tensor.dims), tensor.raw_data), tensor).name
        for tensor in model.graph.initializer
    }
    for node in model.graph.node:
        node.input[:] = [instead.get(name, name) for name in node.input]
    remaining = list(kept.values())
    del model.graph.initializer[:]
    model.graph.initializer.extend(remaining)
