"""Model files compared with a reference, on the same images in the same run: how accurate and how fast each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from gridrt.bench import interleave
from gridrt.bench.candidates import Candidate, candidates_of, require_honoured, set_scale
from gridrt.bench.disagreement import Disagreement, worst_disagreements
from gridrt.bench.gates import Gates, check_gates
from gridrt.bench.interleave import measure_throughput, run_interleaved, with_progress
from gridrt.bench.result import BenchResult
from gridrt.bench.rows import conditions, rows_of
from gridrt.data.coco import CocoDataset
from gridrt.data.synthetic import write_split
from gridrt.errors import DataError, GridRTError, ImageError
from gridrt.eval.results import categories_of_labels
from gridrt.files import check_outputs, temporary_folder
from gridrt.model.zoo import NAMES
from gridrt.options import check_range
from gridrt.runtime.backend import SessionOptions, files_of

SYNTHETIC_IMAGES = 100
"""Without a data set, unless asked otherwise."""
DISAGREEMENTS = 3
"""Images of each row, at most."""


def benchmark(  # noqa: PLR0913 - a call names what it sets
    models: Sequence[str | Path],
    *,
    images: str | Path | None = None,
    annotations: str | Path | None = None,
    max_images: int | None = None,
    allow_missing: bool = False,
    reference: str | Path | None = None,
    backends: Sequence[str] = (),
    fp16: bool = False,
    scale: tuple[int, int] | None = None,
    threads: int | None = None,
    trust_checkpoint: bool = False,
    streams: int | None = None,
    runs: int | None = None,
    batches: Sequence[int] = (),
    stages: bool = True,
    gates: Gates | None = None,
    outputs: Sequence[Path] = (),
) -> BenchResult:
    """Measure models side by side; `gridrt.benchmark`, which passes its arguments on, describes them.

    `outputs` are the files that the caller writes the result to; those that cannot be written are refused at once.
    """
    options = SessionOptions(threads=threads, trust_checkpoint=trust_checkpoint, streams=streams)
    check_range(1, max_images=max_images, runs=runs, batches=min(batches, default=None))
    named = [str(model) for model in (*([] if reference is None else [reference]), *models)]
    if missing := [name for name in named if name not in NAMES and not Path(name).exists()]:
        raise GridRTError("a model file is missing", place=", ".join(missing), remedy="Check the path.")
    least_runs = interleave.LEAST_RUNS if runs is None else runs
    with _dataset(images, annotations, max_images, allow_missing=allow_missing) as dataset, ExitStack() as processes:
        read = [file for model in named for file in files_of(model)]
        check_outputs(outputs, [*read, None if annotations is None else Path(annotations), *dataset.paths])
        failed = _unreadable(dataset)
        candidates = candidates_of(named, backends, fp16=fp16)
        require_honoured(candidates, options)
        for candidate in candidates:
            if process := candidate.start(options):
                processes.enter_context(closing(process))
        _open(candidates, None if images is None else dataset)
        set_scale(candidates, scale)
        chosen = candidates[0] if reference is not None else min(candidates, key=_distance_from_weights)
        ordered = [chosen, *(candidate for candidate in candidates if candidate is not chosen)]
        files = [file for file in map(dataset.path, range(len(dataset))) if file not in failed]
        complete = run_interleaved(ordered, files, least_runs)
        _require_one(ordered)
        if complete:
            measure_throughput(ordered, files[0], batches)
        complete = _measure_the_rest(ordered, files[0] if stages else None, complete=complete)
        _require_one(ordered)
        done = max(len(candidate.detections) for candidate in ordered if not candidate.failure)
        result = BenchResult(
            complete,
            {**conditions(dataset, done, threads, least_runs, chosen), "streams": streams or 1},
            chosen.name,
            rows_of(ordered, dataset),
            {str(file): error for file, error in failed.items()},
            disagreements=[each for candidate in ordered[1:] for each in _disagreements(chosen, candidate)],
        )
        return replace(result, gates=check_gates(result, gates or Gates()))


@contextmanager
def _dataset(
    images: str | Path | None, annotations: str | Path | None, max_images: int | None, *, allow_missing: bool
) -> Iterator[CocoDataset]:
    """The user's images, or synthetic ones."""
    if (images is None) != (annotations is None):
        raise DataError("`images` and `annotations` must be given together", value=images or annotations)
    if images is not None and annotations is not None:
        dataset = CocoDataset(images, annotations, allow_missing=allow_missing)
        yield dataset if max_images is None else dataset.first(max_images)
        return
    with temporary_folder() as folder:
        write_split(folder, "val", max_images or SYNTHETIC_IMAGES)
        yield CocoDataset(Path(folder, "val"), Path(folder, "instances_val.json"))


def _unreadable(dataset: CocoDataset) -> dict[Path, str]:
    """Read each image once, so that no model waits for the disk; returns those that fail, each with the error.

    Raises:
        GridRTError: all fail.
    """
    failed: dict[Path, str] = {}
    for index in with_progress(range(len(dataset)), "reading"):
        try:
            dataset.load_image(index)
        except (ImageError, DataError) as error:  # noqa: PERF203 - each image may fail
            failed[dataset.path(index)] = str(error)
    if len(failed) == len(dataset):
        raise GridRTError("every image failed", place=dataset.place, value=next(iter(failed.values()), "no images"))
    return failed


def _open(candidates: Sequence[Candidate], dataset: CocoDataset | None) -> None:
    """Wait for the processes, which open at the same time.

    Args:
        candidates: started.
        dataset: with whose categories the classes must agree; None allows any classes.
    """
    for candidate in candidates:
        if candidate.process is not None:
            with candidate.required():
                info = candidate.call("describe")
                if candidate.states is not None:
                    candidate.states.check()
                if dataset is not None:
                    categories_of_labels(info.class_names, dataset)
                candidate.info = info
    _require_one(candidates)


def _distance_from_weights(candidate: Candidate) -> int:
    """0 for the weights as they were trained, then FP32, then other precisions, then what has failed."""
    info = candidate.info
    if info is None or candidate.failure:
        return 3
    if info.precision != "fp32":
        return 2
    return 0 if info.parent_sha256 is None else 1


def _measure_the_rest(candidates: Sequence[Candidate], image: Path | None, *, complete: bool) -> bool:
    """Measure memory, then do what takes more of it: look for overflows, time the stages. Returns whether all was done.

    Args:
        candidates: after the interleaved runs.
        image: to time the stages on; None leaves them out.
        complete: False after an interruption, which leaves memory alone to be measured.
    """
    measured = [candidate for candidate in candidates if not candidate.failure]
    for candidate in measured:
        with candidate.optional("memory"):
            candidate.memory = candidate.call("memory")
    if not complete:
        return False
    try:
        for candidate in measured:
            empty = next((image for image, found in candidate.detections.items() if not len(found)), None)
            if empty is not None:  # does it find nothing because its numbers overflow there?
                with candidate.optional("overflow"):
                    candidate.failure = candidate.call("overflow", empty)
        for candidate in (one for one in measured if image and not one.failure):
            with candidate.optional("stages"):
                candidate.stages = candidate.call("stages", image)
    except KeyboardInterrupt:
        return False
    return True


def _disagreements(reference: Candidate, other: Candidate) -> list[Disagreement]:
    if reference.info is None:
        return []
    with other.optional("disagreements"):
        return worst_disagreements(
            other.name, reference.info.class_names, reference.detections, other.detections, DISAGREEMENTS
        )
    return []


def _require_one(candidates: Sequence[Candidate]) -> None:
    if all(candidate.failure for candidate in candidates):
        reasons = "; ".join(f"{candidate.name}: {candidate.failure}" for candidate in candidates)
        raise GridRTError("none of the models could be measured: each has failed", value=reasons)
