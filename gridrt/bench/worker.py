"""What a candidate's process does: open the model, detect, measure memory and stages."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gridrt.bench.result import StageRow
from gridrt.bench.timing import TimedSession
from gridrt.data.image import load_image
from gridrt.data.transform import Batch, Transform
from gridrt.detector import Detector
from gridrt.errors import NonFiniteError
from gridrt.machine.devices import nvidia_smi
from gridrt.runtime.backend import Backend, Session, SessionOptions, backend_named
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.non_finite import non_finite_stage
from gridrt.types import Detections


@dataclass(frozen=True)
class WorkerOptions:
    """How a candidate is opened; can be pickled.

    Attributes:
        backend: by name.
        path: of the model file.
        session: options that the backend honours.
    """

    backend: str
    path: Path
    session: SessionOptions


@dataclass(frozen=True)
class TimedRun:
    """One image through a detector.

    Attributes:
        detections: in pixels of the image file.
        session: seconds of the session alone.
        detector: seconds from the file to its boxes.
    """

    detections: Detections
    session: float
    detector: float


@dataclass(frozen=True)
class Memory:
    """Memory of a process, in bytes.

    Attributes:
        main: peak of main memory so far; None where the system does not report it.
        gpu: GPU memory now; None where no GPU is used.
    """

    main: int | None
    gpu: int | None


class Worker:
    """A detector that is timed; at the scale that the model learned from, until `use_scale` sets another.

    Args:
        backend: that opened the session.
        session: runs the model.
        threads: CPU threads that the session was opened with.
        find_stage: see `Detector`; called by `overflow` alone.
    """

    def __init__(
        self,
        backend: Backend,
        session: Session,
        threads: int | None = None,
        find_stage: Callable[[Batch], str | None] | None = None,
    ) -> None:
        self._backend, self._session, self._threads, self._find_stage = backend, session, threads, find_stage
        self._timed = TimedSession(session)
        self._detector = Detector(self._timed)

    def describe(self) -> ModelInfo:
        """What is known of the open model."""
        return self._session.info

    def use_scale(self, scale: tuple[int, int]) -> None:
        """Set the most pixels on the long and on the short side of a resized image."""
        self._detector = Detector(self._timed, scale)

    def detect(self, image: Path) -> TimedRun:
        """Detect in an image file; raises what `gridrt.load_image` and a detector raise."""
        started = time.perf_counter()
        try:
            [detections] = self._detector([load_image(image)])
        except NonFiniteError as error:
            raise error.at(image) from error
        return TimedRun(detections, self._timed.seconds, time.perf_counter() - started)

    def run_batch(self, image: Path, size: int) -> float:
        """Seconds of the session alone over a batch of copies of an image file; raises as `detect`."""
        batch = Transform(self._detector.scale)([load_image(image)] * size)
        self._timed.run(batch.images, batch.image_sizes)
        return self._timed.seconds

    def overflow(self, image: Path) -> str:
        """The error of an image file in which nothing is found because the model overflows; empty if it does not."""
        try:
            Detector(self._session, self._detector.scale, self._find_stage)([load_image(image)])
        except NonFiniteError as error:
            return str(error.at(image))
        return ""

    def stages(self, image: Path) -> list[StageRow]:
        """Where the time goes in an image file; raises what `stage_rows` raises."""
        from gridrt.bench.roofline import stage_rows  # imports PyTorch, whose memory must not count as the candidate's

        pixels = load_image(image)
        batch, found = Transform(self._detector.scale)([pixels]), len(self._detector([pixels])[0])
        return stage_rows(self._backend, self._session, batch, found, self._threads)

    def memory(self) -> Memory:
        """Memory of this process."""
        return Memory(_peak_memory(), _gpu_memory())


def open_worker(options: WorkerOptions) -> Worker:
    """Open a candidate; raises what `gridrt.runtime.backend.Backend.open` raises."""
    backend = backend_named(options.backend)
    session = backend.open(options.path, options.session)

    def find_stage(batch: Batch) -> str | None:
        return non_finite_stage(options.path, options.backend, options.session, batch)

    return Worker(backend, session, options.session.threads, find_stage)


def _peak_memory(status: Path = Path("/proc/self/status")) -> int | None:
    """Peak of this process, from the kernel: `getrusage` would begin with the peak of the process that started it."""
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) << 10 if found else None


def _gpu_memory() -> int | None:
    """GPU memory of this process, from nvidia-smi."""
    query = ("--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits")
    try:
        rows = [[int(cell) for cell in line.split(",")] for line in nvidia_smi(query).splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return next((mebibytes << 20 for process, mebibytes in rows if process == os.getpid()), None)
