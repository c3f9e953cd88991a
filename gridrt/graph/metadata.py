"""The metadata of a graph that `gridrt export` wrote, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.classes import normalized_name
from gridrt.config import DetectionConfig, scale_in
from gridrt.errors import GraphError
from gridrt.json_files import parse_json
from gridrt.types import Int32Array

if TYPE_CHECKING:
    from onnx import ModelProto

CLASSES_KEY = "gridrt.classes"
INPUT_KEY = "gridrt.input"
WEIGHTS_KEY = "gridrt.weights_sha256"
"""Identity: `gridrt.model.checkpoint.weights_sha256` of the model that a graph was made from, inherited by every graph
made from that one. Graphs of older versions note the SHA-256 of the checkpoint's file here."""
RECIPE_KEY = "gridrt.precision"
"""The name of the recipe that a graph was rewritten by; a graph in FP32 has none. The key is older than recipes."""
RECIPE_TEXT_KEY = "gridrt.recipe"
"""The recipe itself, as TOML."""
PARENT_KEY = "gridrt.parent_sha256"
"""Provenance: SHA-256 of the file that a graph was made from, a checkpoint or a graph in FP32."""
CALIBRATION_KEY = "gridrt.calibration"
"""How the ranges of an INT8 graph were found, as JSON."""
VARIANT_KEY = "gridrt.variant"
"""The name of the preset."""
TARGET_KEY = "gridrt.target"
"""The runtime that it was rewritten for."""


def metadata_of(model: ModelProto) -> dict[str, str]:
    """The metadata of a graph, unchecked."""
    return {entry.key: entry.value for entry in model.metadata_props}


def class_names_in(metadata: Mapping[str, str], path: str | Path) -> tuple[str, ...]:
    """Names of the classes, in the order of the labels.

    Raises:
        GraphError: they are missing, or not a list of names.
    """
    if CLASSES_KEY not in metadata:
        raise not_gridrt(path, f"no metadata {CLASSES_KEY}")
    names = _json(metadata[CLASSES_KEY])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise not_gridrt(path, f"metadata {CLASSES_KEY} is not a JSON list of strings")
    return tuple(map(normalized_name, names))


def scale_in_input(metadata: Mapping[str, str], path: str | Path) -> tuple[int, int] | None:
    """The scale of the images that the model learned from; None where the file notes none.

    Raises:
        GraphError: it is not a scale.
    """
    rule = _json(metadata.get(INPUT_KEY, "{}"))
    if isinstance(rule, dict) and "scale" not in rule:
        return None
    scale = scale_in(rule["scale"]) if isinstance(rule, dict) else None
    if scale is None:
        raise not_gridrt(path, f"metadata {INPUT_KEY} has no scale of two positive numbers of pixels")
    return scale


def detections_to_metadata(config: DetectionConfig) -> dict[str, str]:
    """How detections are selected, as the metadata of a graph: an entry for each field, `gridrt.max_detections` etc."""
    return {f"gridrt.{name}": str(value) for name, value in asdict(config).items()}


def detections_in(metadata: Mapping[str, str], path: str | Path) -> DetectionConfig:
    """How detections are selected; what the file does not note is as published.

    Raises:
        GraphError: an entry is not a number.
    """
    published = asdict(DetectionConfig())
    try:
        noted = {name: type(value)(metadata.get(f"gridrt.{name}", value)) for name, value in published.items()}
    except (ValueError, TypeError) as error:
        raise not_gridrt(path, f"how it selects detections: {error}") from error
    return DetectionConfig(**noted)


def refuse_unnamed(labels: Int32Array, class_names: Sequence[str], path: str | Path) -> None:
    """Refuse labels beyond the class names: a file does not state how many classes its graph has.

    Raises:
        GraphError: a label has no name.
    """
    highest = labels.max(initial=-1)
    if highest >= len(class_names):
        raise not_gridrt(path, f"label {highest}, but {len(class_names)} class names")


def not_gridrt(path: str | Path, found: str) -> GraphError:
    """The error for a graph that `gridrt export` did not write."""
    return GraphError(
        "this is not a graph that gridrt export wrote",
        place=path,
        value=found,
        remedy="Export it: gridrt export FILE.",
    )


def _json(text: str) -> object:
    try:
        parsed: object = parse_json(text)
    except ValueError:
        return None
    return parsed
