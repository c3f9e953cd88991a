"""An artefact that takes part in a bench, as far as it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gridrt.bench.artefact import Artefact
from gridrt.bench.contestant import Contestant, Memory, Opened, Timed
from gridrt.bench.result import DETECTOR, SESSION, StageRow
from gridrt.errors import GridRTError
from gridrt.types import Detections


@dataclass
class Entry:
    """What is known of an artefact, and what it has done so far.

    Attributes:
        name: as the user gave it.
        artefact: None where the file is none.
        contestant: the process that runs it; None where the file is none.
        opened: None where it does not open.
        detections: by picture.
        seconds: of each run, of `SESSION` and `DETECTOR`.
        memory: what its process held after the race; None where that is gone.
        stages: where its time goes; empty where that was not measured.
        failure: why it is out; empty while it is in.
        missing: what could not be told beside the figures, and why.
    """

    name: str
    artefact: Artefact | None = None
    contestant: Contestant | None = None
    opened: Opened | None = None
    detections: dict[Path, Detections] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {SESSION: [], DETECTOR: []})
    memory: Memory | None = None
    stages: Sequence[StageRow] = ()
    failure: str = ""
    missing: list[str] = field(default_factory=list)

    def add(self, picture: Path, timed: Timed) -> None:
        """Note a run."""
        self.detections[picture] = timed.detections
        self.seconds[SESSION].append(timed.session)
        self.seconds[DETECTOR].append(timed.detector)

    @contextmanager
    def tried(self) -> Iterator[None]:
        """What fails within is the entry's failure, and nobody else's."""
        try:
            yield
        except GridRTError as error:
            self.failure = str(error)

    @contextmanager
    def besides(self, what: str) -> Iterator[None]:
        """What fails within is missing, and costs no figures."""
        try:
            yield
        except GridRTError as error:
            self.missing.append(f"{what} not measured: {error}")
