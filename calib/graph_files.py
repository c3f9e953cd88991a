"""The file of a graph in another precision: its name, its metadata, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import onnx.checker
import onnx.helper
from onnx import ModelProto

from gridrt.calib.recipe import Recipe, recipe_text
from gridrt.calib.targets import Target
from gridrt.errors import GraphError
from gridrt.export.onnx_export import save_onnx
from gridrt.graph.contract import check_contract
from gridrt.graph.graph import Graph
from gridrt.graph.metadata import (
    CALIBRATION_KEY,
    PARENT_KEY,
    RECIPE_KEY,
    RECIPE_TEXT_KEY,
    TARGET_KEY,
    metadata_of,
)
from gridrt.graph.value_info import note_value_info


def check_float_graph(graph: Graph) -> None:
    """Refuse what is not a graph of `gridrt export` in FP32.

    Raises:
        GraphError: it breaks the contract, or was rewritten in another precision.
    """
    check_contract(graph)
    if (recipe := graph.metadata.get(RECIPE_KEY)) is not None:
        raise GraphError(
            f"expected a graph in FP32, got one rewritten by the recipe {recipe}",
            place=graph.path,
            remedy="Name the file that gridrt export wrote.",
        )


def default_name(model: Path, recipe: str, target: Target) -> Path:
    """`r50.onnx` -> `r50.int8.onnx`, in the current folder; a target other than TensorRT adds its name."""
    return Path(".".join((model.stem, recipe, *(() if target.has_half else (target.name,)), "onnx")))


def default_cache(model: Path) -> Path:
    """`r50.onnx` -> `r50.calibration.npz`, in the current folder."""
    return Path(f"{model.stem}.calibration.npz")


def save_rewritten(
    model: ModelProto,
    file: Path,
    recipe: Recipe,
    target: Target,
    parent_sha256: str,
    calibration: Mapping[str, object],
) -> Graph:
    """Check and note the types of a rewritten graph, add to its metadata how it was made, and write it.

    Args:
        model: in the recipe's precisions; its metadata and its noted types are changed in place.
        file: to write.
        recipe: that the graph was rewritten by.
        target: that it was rewritten for.
        parent_sha256: of the file in FP32.
        calibration: how the ranges were found; empty where there are none.

    Returns:
        The graph as it was written.

    Raises:
        GraphError: the graph is not valid ONNX, such as for types that do not fit each other.
        OutputError: the file cannot be written.
    """
    notes = {
        RECIPE_KEY: recipe.name,
        RECIPE_TEXT_KEY: recipe_text(recipe),
        TARGET_KEY: target.name,
        PARENT_KEY: parent_sha256,
    }
    notes |= {CALIBRATION_KEY: json.dumps(calibration)} if calibration else {}
    onnx.helper.set_model_props(model, metadata_of(model) | notes)
    try:
        onnx.checker.check_model(model)
        note_value_info(model)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise GraphError("the rewritten graph is not valid ONNX", place=file, value=error) from error
    return save_onnx(model, file)
