"""Artefacts beside a reference, on the same pictures, in the same run: how accurate and how fast each is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from gridrt.bench.artefact import Artefact, artefact_of
from gridrt.bench.conditions import conditions
from gridrt.bench.contestant import Contestant
from gridrt.bench.disagreement import Disagreement, worst_disagreements
from gridrt.bench.entry import Entry
from gridrt.bench.race import race
from gridrt.bench.result import BenchResult
from gridrt.bench.rows import rows_of
from gridrt.bench.worker import Opening, worker_of
from gridrt.data.coco import CocoDataset
from gridrt.errors import GridRTError
from gridrt.eval.results import categories_of_labels
from gridrt.model.zoo import locate
from gridrt.runtime.backend import backend_named

DISAGREEMENTS = 3
"""Pictures of each artefact, at most."""


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes:
        models: artefacts, each once.
        reference: one of them, which the others are held against; None takes a checkpoint, else a graph in FP32, else
            the first.
        dataset: pictures and the ground truth.
        is_drawn: the pictures are the built-in ones: artefacts that know other classes are measured without accuracy.
        scale: of the resized images; None is what each model learned from.
        threads: CPU threads of each; None leaves the choice to the runtime.
        trust_checkpoint: allow a checkpoint that needs unpickling of arbitrary classes, which can run code.
        fp16: measure checkpoints once more, in half precision with kernels on a GPU.
    """

    models: Sequence[str]
    reference: str | None
    dataset: CocoDataset
    is_drawn: bool
    scale: tuple[int, int] | None
    threads: int | None
    trust_checkpoint: bool
    fp16: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came out.

    Attributes:
        result: the figures.
        disagreements: the pictures in which artefacts differ most from the reference, artefact by artefact.
    """

    result: BenchResult
    disagreements: Sequence[Disagreement]


def bench(request: Request, make: Callable[[Opening], object] = worker_of) -> Outcome:
    """Measure artefacts in turns. One that cannot be measured is a row with the reason.

    Args:
        request: what to measure.
        make: opens an artefact, in the process that runs it; a function that can be pickled.

    Raises:
        DataError: a picture is not as large as annotated.
        GridRTError: not one artefact can be measured, or none is a checkpoint to be run in half precision.
        ImageError: a picture cannot be read.
    """
    _read_pictures(request.dataset)
    entries = [Entry(model) for model in request.models]
    for entry in entries:
        with entry.tried():
            entry.artefact = artefact_of(entry.name, trust_checkpoint=request.trust_checkpoint)
    if request.fp16:
        entries += _halved(entries)
    with ExitStack() as processes:
        _open(entries, request, make, processes)
        _require_one(entries)
        reference = _reference(entries, request.reference)
        ordered = [reference, *(entry for entry in entries if entry is not reference)]
        pictures = [request.dataset.path(index) for index in range(len(request.dataset))]
        complete = race([(entry, entry.contestant) for entry in ordered if entry.contestant], pictures)
        _note_memory(ordered)  # before what only measures it needs more
        _require_one(ordered)
        complete = complete and _time_stages(ordered, pictures[0])
        rows = rows_of(ordered, request.dataset)
    result = BenchResult(complete, conditions(request.dataset, request.threads, reference), reference.name, rows)
    return Outcome(result, list(_disagreements(ordered)))


def _halved(entries: Sequence[Entry]) -> list[Entry]:
    """The checkpoints once more, in half precision."""
    half = backend_named("pytorch_cuda")
    found = [
        Entry(
            f"{entry.name}, fp16",
            replace(entry.artefact, backend=half, info=replace(entry.artefact.info, precision="fp16")),
        )
        for entry in entries
        if entry.artefact and half.opens(locate(entry.name))
    ]
    if not found:
        rule, remedy = "only checkpoints are run in half precision", "Name one, or leave out --fp16."
        raise GridRTError(rule, value=", ".join(entry.name for entry in entries), remedy=remedy)
    return found


def _read_pictures(dataset: CocoDataset) -> None:
    """Each once: a bad one must not end a long bench, nor the first artefact wait for the disk in place of all."""
    for index in tqdm(range(len(dataset)), "reading", unit="image", leave=False, disable=None):
        dataset.load_image(index)


def _reference(entries: Sequence[Entry], asked: str | None) -> Entry:
    """That which the others are held against."""
    if asked is not None:
        return next(entry for entry in entries if entry.name == asked)
    return min(entries, key=_distance_from_weights)


def _distance_from_weights(entry: Entry) -> int:
    """0 for what is closest to the weights as they were trained."""
    artefact = entry.artefact
    if artefact is None or entry.failure:
        return 3
    if artefact.info.precision != "fp32":
        return 2
    return 0 if artefact.info.format == "PyTorch" else 1


def _open(entries: Sequence[Entry], request: Request, make: Callable[[Opening], object], processes: ExitStack) -> None:
    """Start all processes, then wait for each."""
    honoured = {name for entry in entries if entry.artefact for name in entry.artefact.backend.options}
    for entry in entries:
        if entry.artefact is not None:
            opening = _opening(entry.artefact, honoured, request)
            entry.contestant = processes.enter_context(closing(Contestant(make, opening)))
    for entry in entries:
        if entry.contestant is not None:
            with entry.tried():
                entry.opened = entry.contestant.ask("opened")
                if not request.is_drawn:
                    categories_of_labels(entry.opened.class_names, request.dataset)


def _opening(artefact: Artefact, honoured: Collection[str], request: Request) -> Opening:
    """An option goes to the backends that honour it; where none does, it goes to all, which refuse it."""

    def goes(option: str) -> bool:
        return option in artefact.backend.options or option not in honoured

    return Opening(
        artefact.name,
        request.scale,
        request.threads if goes("threads") else None,
        request.trust_checkpoint and goes("trust_checkpoint"),
        artefact.backend.name,
    )


def _note_memory(entries: Sequence[Entry]) -> None:
    for entry in entries:
        if entry.contestant is not None and not entry.failure:
            with entry.besides("memory"):
                entry.memory = entry.contestant.ask("memory")


def _time_stages(entries: Sequence[Entry], picture: Path) -> bool:
    """One artefact after another, of those whose stages can be told; returns whether all was done."""
    try:
        for entry in entries:
            artefact = entry.artefact
            if artefact is None or entry.contestant is None or entry.failure:
                continue
            with entry.besides("stages"):
                entry.stages = entry.contestant.ask("stages", artefact, picture)
    except KeyboardInterrupt:
        return False
    return True


def _require_one(entries: Sequence[Entry]) -> None:
    if all(entry.failure for entry in entries):
        reasons = "; ".join(f"{entry.name}: {entry.failure}" for entry in entries)
        raise GridRTError("not one of the artefacts can be measured", value=reasons)


def _disagreements(entries: Sequence[Entry]) -> Iterable[Disagreement]:
    reference, *others = entries
    if reference.opened is None:
        return
    for entry in others:
        names = reference.opened.class_names
        yield from worst_disagreements(entry.name, names, reference.detections, entry.detections, DISAGREEMENTS)
