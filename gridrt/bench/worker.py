"""What the process of an artefact does when it is asked."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from gridrt.bench.artefact import Artefact
from gridrt.bench.contestant import Memory, Opened, Timed
from gridrt.bench.result import StageRow
from gridrt.bench.stopwatch import Stopwatch
from gridrt.data.image import load_image
from gridrt.data.transform import Transform
from gridrt.detector import Detector
from gridrt.machine.devices import nvidia_smi
from gridrt.runtime import open_session
from gridrt.runtime.backend import Session


@dataclass(frozen=True)
class Opening:
    """How an artefact is opened; see `gridrt.open_detector`."""

    model: str
    scale: tuple[int, int] | None
    threads: int | None
    trust_checkpoint: bool
    backend: str = "auto"


class Worker:
    """A detector that is timed.

    Args:
        session: what runs the model.
        scale: of the resized images; None is what the model learned from.
        threads: CPU threads that the session was opened with.
    """

    def __init__(self, session: Session, scale: tuple[int, int] | None, threads: int | None = None) -> None:
        self._session, self._threads = session, threads
        self._stopwatch = Stopwatch(session)
        self._detector = Detector(self._stopwatch, scale)

    def opened(self) -> Opened:
        """What there is to tell."""
        detector, info = self._detector, self._session.info
        return Opened(detector.class_names, detector.scale, detector.scale_origin, f"{info.backend}, {info.device}")

    def detect(self, picture: Path) -> Timed:
        """Find objects in a picture; raises what `gridrt.load_image` and a detector do."""
        started = time.perf_counter()
        found = self._detector([load_image(picture)])[0]
        return Timed(found, self._stopwatch.seconds, time.perf_counter() - started)

    def stages(self, artefact: Artefact, picture: Path) -> list[StageRow]:
        """Where its time goes in a picture; raises what `stage_rows` does."""
        from gridrt.bench.stage_rows import stage_rows  # only now, for it needs memory that the artefact does not

        image, detector = load_image(picture), self._detector
        batch, found = Transform(detector.scale)([image]), len(detector([image])[0])
        return stage_rows(artefact, self._session, batch, found, self._threads)

    def memory(self) -> Memory:
        """Of this process."""
        return Memory(_main_memory(), _gpu_memory())


def worker_of(opening: Opening) -> Worker:
    """Open an artefact; raises what `gridrt.runtime.open_session` does."""
    session = open_session(
        opening.model, backend=opening.backend, threads=opening.threads, trust_checkpoint=opening.trust_checkpoint
    )
    return Worker(session, opening.scale, opening.threads)


def _main_memory(status: Path = Path("/proc/self/status")) -> int | None:
    """The most that this process held, where the system tells.

    Not by `getrusage`: its peak begins with what the process that started this one held.
    """
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) << 10 if found else None


def _gpu_memory() -> int | None:
    """What nvidia-smi says that this process holds."""
    query = ("--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits")
    try:
        rows = [[int(cell) for cell in line.split(",")] for line in nvidia_smi(query).splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return next((mebibytes << 20 for process, mebibytes in rows if process == os.getpid()), None)
