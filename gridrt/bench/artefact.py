"""What an artefact is, told without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridrt.errors import EngineError, GridRTError
from gridrt.files import check_is_file, sha256_of
from gridrt.model.kinds import CHECKPOINT_SUFFIXES, MODEL_SUFFIXES, is_engine, is_graph, suffix_of
from gridrt.model.zoo import PATH_OR_NAME, locate
from gridrt.runtime.engine_manifest import read_manifest
from gridrt.runtime.graph_metadata import FLOAT, PARENT_KEY, VARIANT_KEY, metadata_in, precision_in

PYTORCH, ONNX, TENSORRT = "PyTorch", "ONNX", "TensorRT"
HALF = "fp16"
"""The precision that a checkpoint can run in besides, by kernels on a GPU."""


@dataclass(frozen=True)
class Artefact:
    """A model file and what it says about itself.

    Attributes:
        name: as the user gave it: a path, or the name of weights.
        format: `PYTORCH`, `ONNX` or `TENSORRT`.
        precision: `FLOAT`, or the recipe that it was written by; of a checkpoint what it is to run in.
        bytes: of the file.
        sha256: of the file.
        weights_sha256: of the checkpoint that it was made from, or is; None where it does not tell.
        variant: name of the preset; None where only opening it tells.
    """

    name: str
    format: str
    precision: str
    bytes: int
    sha256: str
    weights_sha256: str | None
    variant: str | None

    @property
    def is_halved(self) -> bool:
        """Whether it is a checkpoint that is to run in half precision."""
        return self.format == PYTORCH and self.precision == HALF

    @property
    def takes_threads(self) -> bool:
        """Whether CPU threads mean anything to what runs it."""
        return self.format != TENSORRT and not self.is_halved


def artefact_of(model: str | Path) -> Artefact:
    """Look at a model file, or at weights that have a name.

    Raises:
        GridRTError: it is none, or cannot be read.
    """
    path = locate(model)
    if suffix_of(path) not in MODEL_SUFFIXES:
        raise GridRTError(f"a model must be a file that ends in {', '.join(MODEL_SUFFIXES)}", place=model)
    check_is_file(path, GridRTError, PATH_OR_NAME)
    digest, size = sha256_of(path), path.stat().st_size
    if suffix_of(path) in CHECKPOINT_SUFFIXES:
        return Artefact(str(model), PYTORCH, FLOAT, size, digest, digest, None)
    metadata = _metadata_of(path)
    kind = ONNX if is_graph(path) else TENSORRT
    precision, weights, variant = precision_in(metadata), metadata.get(PARENT_KEY), metadata.get(VARIANT_KEY)
    return Artefact(str(model), kind, precision, size, digest, weights, variant)


def _metadata_of(path: Path) -> Mapping[str, str]:
    """Of a graph, or of that which an engine was built from."""
    if is_engine(path):
        metadata = read_manifest(path).graph["metadata"]
        if not isinstance(metadata, Mapping):
            raise EngineError("a manifest tells the metadata of its graph", place=path, value=type(metadata).__name__)
        return metadata
    return metadata_in(path)
