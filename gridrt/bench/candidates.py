"""Candidates of a bench: a model file and the backend that runs it, in a process of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrt.bench.process import CandidateError, CandidateProcess
from gridrt.bench.result import DETECTOR, SESSION, StageRow
from gridrt.bench.worker import Memory, TimedRun, WorkerOptions, open_worker
from gridrt.config import ScaleOrigin
from gridrt.errors import GridRTError
from gridrt.model.zoo import NAMES, locate
from gridrt.runtime.backend import (
    AUTO,
    Backend,
    SessionOptions,
    backend_named,
    backends_for,
    choose_backend,
    weights_files,
)
from gridrt.runtime.backend import backends as all_backends
from gridrt.runtime.info import ModelInfo
from gridrt.types import Detections
from gridrt.unchanged import FileStates, sha256_of_all


@dataclass
class Candidate:
    """State of one candidate.

    Attributes:
        artefact: the file as the user named it: a path, or the name of weights.
        name: the artefact, with its backend where the artefact is in several rows.
        backend: None where no backend opens the file.
        path: of the file; None where there is none.
        states: of its files before they were hashed; None where there are none.
        bytes: size of these files.
        sha256: of these files.
        process: runs it; None before it starts, and where `failure` is set by then.
        info: of its session; None where it does not open.
        scale: most pixels on the long and on the short side of a resized image; None where it does not open.
        scale_origin: where `scale` comes from.
        detections: by image file.
        seconds: of each run, of `SESSION` and `DETECTOR`.
        batch_seconds: of each run of a batch, by its size; empty where that was not measured.
        memory: of its process after the interleaved runs; None where it was not measured.
        stages: where its time goes; empty where that was not measured.
        failure: why it is not measured; empty while it is.
        not_measured: which optional measurements failed, and why.
    """

    artefact: str
    name: str = ""
    backend: Backend | None = None
    path: Path | None = None
    states: FileStates | None = None
    bytes: int | None = None
    sha256: str | None = None
    process: CandidateProcess | None = None
    info: ModelInfo | None = None
    scale: tuple[int, int] | None = None
    scale_origin: ScaleOrigin = "assumed"
    detections: dict[Path, Detections] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {SESSION: [], DETECTOR: []})
    batch_seconds: dict[int, list[float]] = field(default_factory=dict)
    memory: Memory | None = None
    stages: Sequence[StageRow] = ()
    failure: str = ""
    not_measured: list[str] = field(default_factory=list)

    def start(self, options: SessionOptions) -> CandidateProcess | None:
        """Start its process with those of the options that its backend honours; None where the file cannot be run."""
        if self.backend is None or self.path is None:
            return None
        honoured = {name: getattr(options, name) for name in options.given & self.backend.options}
        opened_with = WorkerOptions(self.backend.name, self.path, SessionOptions(**honoured))
        self.process = CandidateProcess(open_worker, opened_with)
        return self.process

    def call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the method returns
        """Call a method of its `gridrt.bench.worker.Worker`; raises as `CandidateProcess.call`."""
        assert self.process is not None  # noqa: S101 - those without one have failed
        return self.process.call(method, *arguments)

    def add(self, image: Path, run: TimedRun) -> None:
        """Record a run."""
        self.detections[image] = run.detections
        self.seconds[SESSION].append(run.session)
        self.seconds[DETECTOR].append(run.detector)

    @contextmanager
    def required(self) -> Iterator[None]:
        """Record an error as the failure of this candidate only."""
        try:
            yield
        except (CandidateError, GridRTError) as error:
            self.failure = str(error)

    @contextmanager
    def optional(self, what: str) -> Iterator[None]:
        """Record an error as a measurement that is missing beside the figures."""
        try:
            yield
        except (CandidateError, GridRTError) as error:
            self.not_measured.append(f"{what} not measured: {error}")


def candidates_of(models: Sequence[str], backends: Sequence[str], *, fp16: bool) -> list[Candidate]:
    """The candidates of a bench, file by file. A file that cannot be run is one that has failed.

    Args:
        models: files, or names of weights; the spelling that comes first names a file.
        backends: names of backends, each for the files that it opens; `AUTO` chooses for the others, and where it is
            named also beside them.
        fp16: add the backends that run FP32 weights in half precision, for the files that they open.

    Raises:
        GridRTError: there is no such backend, or it opens none of the files.
    """
    named = [backend_named(name) for name in dict.fromkeys(backends) if name != AUTO]
    half = [backend for backend in all_backends() if backend.halves] if fp16 else []
    spellings: dict[str, str] = {}
    for model in models:
        spellings.setdefault(model if model in NAMES else os.path.realpath(model), model)
    candidates = [
        each for model in spellings.values() for each in _candidates_of_file(model, named, half, auto=AUTO in backends)
    ]
    used = [each.backend for each in candidates if each.backend]
    for backend in (*named, *half):
        if used and backend not in used:
            raise GridRTError(
                f"the backend {backend.name} cannot open any of the files",
                place="`fp16`" if backend in half else "`backend`",
                value=", ".join(spellings.values()),
                remedy="Leave out `fp16`." if backend in half else f"Leave out `backend` {backend.name}.",
            )
    rows_of_file = Counter(each.artefact for each in candidates)
    for each in candidates:
        each.name = each.artefact
        if rows_of_file[each.artefact] > 1 and each.backend:
            each.name += f" ({each.backend.name})"
    return candidates


def _candidates_of_file(
    model: str, named: Sequence[Backend], half: Sequence[Backend], *, auto: bool
) -> list[Candidate]:
    """One for each backend that is to run the file."""
    failed = Candidate(model)
    with failed.required():
        path = locate(model)
        able = backends_for(path)
        chosen = [backend for backend in named if backend in able]
        if auto or not chosen:
            preferred = choose_backend(path)[0]
            chosen = [preferred, *(backend for backend in chosen if backend is not preferred)]
        chosen += [backend for backend in half if backend in able and backend not in chosen]
        files = weights_files(path)
        states, size, sha256 = FileStates(files), sum(file.stat().st_size for file in files), sha256_of_all(files)
        return [Candidate(model, backend=each, path=path, states=states, bytes=size, sha256=sha256) for each in chosen]
    return [failed]


def require_honoured(candidates: Sequence[Candidate], options: SessionOptions) -> None:
    """Refuse options that no backend of the candidates honours.

    Raises:
        GridRTError: there is one.
    """
    able = {each.backend.name: each.backend for each in candidates if each.backend}
    for option in sorted(options.given):
        if able and not any(option in backend.options for backend in able.values()):
            raise GridRTError(
                "cannot be honoured by any backend of this bench",
                place=f"`{option}`",
                value=", ".join(able),
                remedy=f"Leave out `{option}`.",
            )


def set_scale(candidates: Sequence[Candidate], asked: tuple[int, int] | None) -> None:
    """Run all open candidates at one scale: the one asked for, else the only one that their files note.

    Figures of models that see images of different sizes cannot be compared. Where files note different scales, or none
    notes any, each candidate runs at its own.

    Args:
        candidates: those that have failed are left out.
        asked: most pixels on the long and on the short side of a resized image; None where none was asked for.
    """
    infos = [(one, one.info) for one in candidates if one.info and not one.failure]
    noted = {info.noted_scale for _, info in infos if info.noted_scale}
    for candidate, info in infos:
        if asked:
            candidate.scale, candidate.scale_origin = asked, "as asked"
        elif len(noted) == 1:
            [candidate.scale], candidate.scale_origin = noted, "noted"
        else:
            candidate.scale, candidate.scale_origin = info.scale, info.scale_origin
        with candidate.required():
            candidate.call("use_scale", candidate.scale)
