"""The numbers in an ONNX file, checked before they are run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper

from gridrt.errors import GraphError

_NAMED = 5


def refuse_non_finite(model: onnx.ModelProto, path: str | Path) -> None:
    """Refuse weights that are NaN or infinite.

    Scores that are NaN exceed no threshold: such a graph would detect nothing, and the outputs would not show why.

    Args:
        model: the graph.
        path: its file, for errors.

    Raises:
        GraphError: there are some.
    """
    weights = ((tensor.name, onnx.numpy_helper.to_array(tensor)) for tensor in model.graph.initializer)
    broken = [name for name, values in weights if values.dtype.kind == "f" and not np.isfinite(values).all()]
    if broken:
        raise GraphError(
            "weights must be finite numbers",
            place=path,
            value=f"NaN or infinity in {len(broken)} tensors: {', '.join(broken[:_NAMED])}",
            remedy="Export a sound checkpoint.",
        )
