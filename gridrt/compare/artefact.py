"""One side of a comparison: what a file is, and what of it can be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridrt.compare.differences import used_rows
from gridrt.compare.stages import Stages
from gridrt.compare.tolerances import narrowest
from gridrt.compare.trace import run
from gridrt.data.transform import Batch
from gridrt.errors import DependencyError, GraphError
from gridrt.export.engine.precision import NARROWEST_FIRST, Precision
from gridrt.files import sha256_of
from gridrt.model.kinds import is_engine, is_graph
from gridrt.model.zoo import locate
from gridrt.runtime.graph_metadata import PARENT_KEY
from gridrt.types import Detections, Session


@dataclass(frozen=True)
class Artefact:
    """A detector, opened.

    Attributes:
        name: as its user called it.
        sha256: of the file.
        weights_sha256: of the checkpoint that it is or was made from; None where the file does not tell.
        precision: the narrowest that it runs in.
        session: it, run as a whole.
        stages: it, taken apart; None where that cannot be done.
        whole_because: why it can only be run as a whole; empty where it can be taken apart.
    """

    name: str
    sha256: str
    weights_sha256: str | None
    precision: Precision
    session: Session
    stages: Stages | None
    whole_because: str = ""

    def detect(self, batch: Batch) -> Detections:
        """What it finds in a batch of one image, in pixels of the resized image."""
        if self.stages is not None:
            return used_rows(run(self.stages, batch).detections)
        return used_rows(self.session.run(batch.images, batch.image_sizes))


def open_artefact(name: str, *, threads: int | None = None, trust_checkpoint: bool = False) -> Artefact:
    """Open a checkpoint, a graph, an engine or a name; checkpoints and graphs run on the CPU.

    Raises:
        GridRTError: as `gridrt.runtime.open_session`.
    """
    path = locate(name)
    if is_graph(path):
        return _graph(name, path, threads)
    if is_engine(path):
        return _engine(name, path)
    return _checkpoint(name, path, threads, trust_checkpoint=trust_checkpoint)


def _checkpoint(name: str, path: Path, threads: int | None, *, trust_checkpoint: bool) -> Artefact:
    from gridrt.compare.torch_stages import TorchStages
    from gridrt.model.checkpoint import load_model
    from gridrt.model.grid_roi_head import GridRoIHead
    from gridrt.runtime.torch_session import TorchSession

    model = load_model(path, trust_checkpoint=trust_checkpoint)
    session, sha256 = TorchSession(model, "cpu", threads), sha256_of(path)
    if isinstance(model.roi_head, GridRoIHead):
        return Artefact(name, sha256, sha256, "fp32", session, TorchStages(model, model.roi_head))
    return Artefact(name, sha256, sha256, "fp32", session, None, "Faster R-CNN has no grid")


def _graph(name: str, path: Path, threads: int | None) -> Artefact:
    import onnx

    from gridrt.compare.graph_stages import GraphStages
    from gridrt.export.engine.precision import planned_precisions
    from gridrt.runtime.graph_metadata import metadata_of
    from gridrt.runtime.onnxruntime_session import OnnxRuntimeSession

    session = OnnxRuntimeSession(path, ["CPUExecutionProvider"], threads)  # refuses what is no sound graph of ours
    model = onnx.load(path)
    stages, reason = None, ""
    try:
        stages = GraphStages(model, threads)
    except GraphError as error:
        reason = str(error)
    precision = narrowest(planned_precisions(model).values())
    return Artefact(name, sha256_of(path), metadata_of(model).get(PARENT_KEY), precision, session, stages, reason)


def _engine(name: str, path: Path) -> Artefact:
    from gridrt.runtime.engine_manifest import read_manifest
    from gridrt.runtime.tensorrt_session import TensorRTSession

    manifest = read_manifest(path)
    source = path.with_name(str(manifest.graph.get("file", "")))
    is_there = source.is_file() and sha256_of(source) == manifest.graph.get("sha256")
    advice = f"Its graph lies beside it and shows all stages: compare {source}." if is_there else ""
    try:
        session = TensorRTSession(path)
    except DependencyError as error:
        remedy = f"{error.remedy} {advice}".strip()
        raise DependencyError(error.rule, place=error.place, value=error.value, remedy=remedy) from error
    precision = narrowest(
        precision for stage in manifest.precision.values() for precision in NARROWEST_FIRST if precision in stage
    )
    weights = manifest.graph["metadata"].get(PARENT_KEY)
    reason = f"an engine shows nothing but its boxes. {advice}".strip()
    return Artefact(name, sha256_of(path), weights, precision, session, None, reason)
