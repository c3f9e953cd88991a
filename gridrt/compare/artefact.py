"""One side of a comparison: what a file is, and what of it can be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridrt.compare.differences import used_rows
from gridrt.compare.trace import run
from gridrt.data.transform import Batch
from gridrt.errors import GridRTError
from gridrt.files import sha256_of
from gridrt.runtime.backend import AUTO, Backend, Session, SessionOptions, choose_backend, require_honoured
from gridrt.runtime.info import Precision
from gridrt.runtime.stage_runner import StageRunner
from gridrt.types import Detections


@dataclass(frozen=True)
class Artefact:
    """A detector, opened.

    Attributes:
        name: as its user called it.
        sha256: of the file.
        session: it, run end to end.
        stages: it, taken apart; None where that cannot be done.
        end_to_end_because: why it can only be run end to end; empty where it can be taken apart.
    """

    name: str
    sha256: str
    session: Session
    stages: StageRunner | None
    end_to_end_because: str = ""

    @property
    def weights_sha256(self) -> str | None:
        """Of the checkpoint that it is or was made from; None where the file does not tell."""
        return self.session.info.weights_sha256

    @property
    def precision(self) -> Precision:
        """The narrowest type that it computes in."""
        return self.session.info.precision

    def detect(self, batch: Batch) -> Detections:
        """What it finds in a batch of one image, in pixels of the resized image."""
        if self.stages is not None:
            return used_rows(run(self.stages, batch).detections)
        return used_rows(self.session.run(batch.images, batch.image_sizes))


def open_artefacts(
    names: tuple[str, str], *, backend: str = AUTO, threads: int | None = None, trust_checkpoint: bool = False
) -> tuple[Artefact, Artefact]:
    """Open two models; those that can run on the CPU do. An option goes to the side that honours it.

    Raises:
        GridRTError: as `gridrt.runtime.open_session`, or an option that neither side honours.
    """
    chosen = [choose_backend(name, backend) for name in names]
    given = SessionOptions(threads=threads, trust_checkpoint=trust_checkpoint)
    honoured = chosen[0][0].options | chosen[1][0].options
    for side, name in zip(chosen, names, strict=True):
        if given.given - honoured:
            require_honoured(side[0], given, name)
    first, second = (_open(name, side[0], side[1], given) for name, side in zip(names, chosen, strict=True))
    return first, second


def _open(name: str, backend: Backend, path: Path, given: SessionOptions) -> Artefact:
    options = SessionOptions(
        threads=given.threads if "threads" in backend.options else None,
        device="cpu" if "device" in backend.options else None,
        trust_checkpoint=given.trust_checkpoint and "trust_checkpoint" in backend.options,
    )
    stages, reason = None, ""
    try:
        stages = backend.stage_runner(path, options)
    except GridRTError as error:
        reason = str(error)
    return Artefact(name, sha256_of(path), backend.open(path, options), stages, reason)
