"""One side of a comparison: a detector that is open end to end and, where its backend can, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gridrt.data.transform import Batch
from gridrt.errors import DependencyError, GraphError, GridRTError
from gridrt.model.zoo import locate
from gridrt.runtime.backend import (
    AUTO,
    Backend,
    EndToEndOnlyError,
    Session,
    SessionOptions,
    backend_named,
    backends_for,
    choose_backend,
    require_honoured,
    weights_files,
)
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.stage_runner import StageRunner, run_stages
from gridrt.types import RawDetections
from gridrt.unchanged import sha256_of_all, unchanged


@dataclass(frozen=True)
class Side:
    """An open detector.

    Attributes:
        name: file or name of weights, as given.
        sha256: of the file.
        info: of the model, and of what runs it.
        session: runs it end to end; None where its stages are run.
        stages: runs its stages; None where the backend exposes only final outputs.
        end_to_end_because: the reason for that; empty where the stages can be run.
        runs_without: options that were given, and that its backend does not have.
    """

    name: str
    sha256: str
    info: ModelInfo
    session: Session | None
    stages: StageRunner | None
    end_to_end_because: str = ""
    runs_without: tuple[str, ...] = ()

    def detect(self, batch: Batch) -> RawDetections:
        """Detections in a batch of one image, in pixels of the resized image."""
        if self.stages is not None:
            return run_stages(self.stages, batch).detections
        assert self.session is not None  # noqa: S101 - it has one or the other
        return self.session.run(batch.images, batch.image_sizes)


def open_sides(
    reference: str | Path, other: str | Path, *, backend: str = AUTO, options: SessionOptions | None = None
) -> tuple[Side, Side]:
    """Open two models, on the CPU where their backends can.

    Args:
        reference: a model file, or the name of weights.
        other: the same.
        backend: runs those of the two that it opens; the others run as by "auto".
        options: each goes to the sides whose backends honour it.

    Raises:
        GridRTError: as `gridrt.runtime.open_session`; the backend opens neither model; neither honours an option.
    """
    given = options or SessionOptions()
    names = (reference, other)
    named = [backend == AUTO or backend_named(backend) in backends_for(locate(name)) for name in names]
    if not any(named):
        raise GridRTError(
            f"the backend {backend} cannot open either model",
            place="`backend`",
            value=f"{reference}, {other}",
            remedy="Leave out `backend`.",
        )
    chosen = [choose_backend(name, backend if opens else AUTO) for name, opens in zip(names, named, strict=True)]
    for side, name in zip(chosen, names, strict=True):
        if given.given - (chosen[0][0].options | chosen[1][0].options):
            require_honoured(side[0], given, name)
    first, second = (_opened(str(name), *side, given) for name, side in zip(names, chosen, strict=True))
    return first, second


def _opened(name: str, backend: Backend, path: Path, given: SessionOptions) -> Side:
    options = SessionOptions(
        threads=given.threads if "threads" in backend.options else None,
        device="cpu" if "device" in backend.options else None,
        trust_checkpoint=given.trust_checkpoint and "trust_checkpoint" in backend.options,
    )
    files = weights_files(path)
    with unchanged(files):
        side = _side(name, sha256_of_all(files), backend, path, options)
    # `trust_checkpoint` is about checkpoints alone: a graph lacks nothing without it.
    return replace(side, runs_without=tuple(sorted(given.given - backend.options - {"trust_checkpoint"})))


def _side(name: str, sha256: str, backend: Backend, path: Path, options: SessionOptions) -> Side:
    try:
        stages = backend.stage_runner(path, options)
        return Side(name, sha256, backend.info(path, options), None, stages)
    except (EndToEndOnlyError, GraphError) as error:
        reason, remedy = str(error), error.remedy
    try:
        session = backend.open(path, options)
    except DependencyError as error:  # such as an engine on a machine without a GPU: its graph still runs
        advice = f"{error.remedy} {remedy}".strip()
        raise DependencyError(
            f"cannot compare: {error.rule}", place=error.place, value=error.value, remedy=advice
        ) from error
    return Side(name, sha256, session.info, session, None, reason)
