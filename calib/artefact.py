"""The file of a graph in another precision: its name, what it says about itself, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import onnx
from onnx import ModelProto

from gridrt.calib.recipe import Recipe, recipe_text
from gridrt.calib.rewrite import note
from gridrt.calib.targets import Target
from gridrt.errors import GraphError
from gridrt.export.onnx_export import save_onnx
from gridrt.graph.metadata import PRECISION_KEY, TARGET_KEY, metadata_of
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession


def load_float_graph(path: Path) -> ModelProto:
    """A graph of `gridrt export`, still in FP32.

    Raises:
        GraphError: it is not one.
    """
    OnnxRuntimeSession(path, ["CPUExecutionProvider"], threads=1)  # refuses what is not a sound graph of ours
    model = onnx.load(path)
    precision = metadata_of(model).get(PRECISION_KEY)
    if precision is not None:
        raise GraphError(
            "precisions are written into a graph in FP32",
            place=path,
            value=f"one in {precision}",
            remedy="Name the file that gridrt export wrote.",
        )
    return model


def default_name(model: Path, recipe: str, target: Target) -> Path:
    """`r50.onnx` -> `r50.int8.onnx`, in the current folder; for a target other than TensorRT also its name."""
    return Path(".".join((model.stem, recipe, *(() if target.has_half else (target.name,)), "onnx")))


def default_cache(model: Path) -> Path:
    """`r50.onnx` -> `r50.calibration.npz`, in the current folder."""
    return Path(f"{model.stem}.calibration.npz")


def save_rewritten(
    model: ModelProto,
    target_file: Path,
    recipe: Recipe,
    target: Target,
    parent_sha256: str,
    calibration: Mapping[str, object],
) -> None:
    """Write a graph with notes on how it was made, and see that ONNX Runtime opens it.

    Args:
        model: in the recipe's precisions.
        target_file: to write.
        recipe: it was made by.
        target: it was made for.
        parent_sha256: of the file in FP32.
        calibration: how the ranges were found; empty where there are none.

    Raises:
        OutputError: the file cannot be written.
    """
    notes = {
        PRECISION_KEY: recipe.name,
        "gridrt.recipe": recipe_text(recipe),
        TARGET_KEY: target.name,
        "gridrt.parent_sha256": parent_sha256,
    }
    note(model, notes | ({"gridrt.calibration": json.dumps(calibration)} if calibration else {}))
    save_onnx(model, target_file, check=_opens)


def _opens(path: Path) -> None:
    OnnxRuntimeSession(path, ["CPUExecutionProvider"])
