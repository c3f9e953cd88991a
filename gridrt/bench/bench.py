"""Model files compared with a reference, on the same images in the same run: how accurate and how fast each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from gridrt.bench.candidates import Candidate, candidates_of, require_honoured
from gridrt.bench.conditions import conditions
from gridrt.bench.disagreement import Disagreement, worst_disagreements
from gridrt.bench.gates import Gates, check_gates
from gridrt.bench.interleave import run_interleaved
from gridrt.bench.result import BenchResult
from gridrt.bench.rows import rows_of
from gridrt.data.coco import CocoDataset
from gridrt.data.synthetic import write_split
from gridrt.errors import DataError, GridRTError
from gridrt.eval.results import categories_of_labels
from gridrt.runtime.backend import SessionOptions

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
    reference: str | Path | None = None,
    backends: Sequence[str] = (),
    fp16: bool = False,
    scale: tuple[int, int] | None = None,
    threads: int | None = None,
    trust_checkpoint: bool = False,
    gates: Gates | None = None,
) -> BenchResult:
    """Measure average precision, latency, size and memory of models side by side.

    Each image goes through all models in rotating order, each in a process of its own. A model that cannot be measured
    is a row with the reason. Control-C ends the measurement; the result then covers the images that were done.

        result = benchmark(["r50.pth", "r50.int8.onnx"], images="val2017", annotations="instances_val2017.json",
                           gates=Gates(max_ap_drop=0.5))
        for row in result.rows:
            print(row.name, row.deltas.get("ap"), row.speed and row.speed.latency["session"].p50)

    Args:
        models: files, or names of weights; a row for each.
        images: folder of annotated images; None makes synthetic ones, on which models with other classes than theirs
            are measured without accuracy.
        annotations: of `images`, as COCO's JSON.
        max_images: measure on the first so many; None takes all, or `SYNTHETIC_IMAGES`.
        reference: the model that the others are compared with; it need not be one of `models`. None takes a
            checkpoint, else a model in FP32, else the first.
        backends: names of backends, each for the files that it opens; a file that two of them open has two rows. The
            others are run by the preferred backend.
        fp16: measure checkpoints also in half precision: with kernels, on an NVIDIA GPU.
        scale: most pixels on the long and on the short side of a resized image; None is what each model learned from.
        threads: CPU threads, for backends that honour it; None leaves the choice to each.
        trust_checkpoint: allow a checkpoint that needs unpickling of arbitrary classes, which can run code.
        gates: requirements that the rows are checked against.

    Returns:
        Average precision in 0..1, times in seconds, sizes in bytes.

    Raises:
        DataError: `images` and `annotations` do not belong together, or an image is not as large as annotated.
        GridRTError: no model can be measured, a backend of `backends` opens none of the files, or no backend honours
            an option.
        ImageError: an image cannot be read.
    """
    named = [str(model) for model in (*([] if reference is None else [reference]), *models)]
    options = SessionOptions(threads=threads, trust_checkpoint=trust_checkpoint)
    with _dataset(images, annotations, max_images) as dataset, ExitStack() as processes:
        # Each once: a bad image must not end a long bench, nor must the first model wait for the disk for all others.
        for index in tqdm(range(len(dataset)), "reading", unit="image", leave=False, disable=None):
            dataset.load_image(index)
        candidates = candidates_of(named, backends, fp16=fp16)
        require_honoured(candidates, options)
        for candidate in candidates:
            if process := candidate.start(scale, options):
                processes.enter_context(closing(process))
        _open(candidates, None if images is None else dataset)
        chosen = candidates[0] if reference is not None else min(candidates, key=_distance_from_weights)
        ordered = [chosen, *(candidate for candidate in candidates if candidate is not chosen)]
        return _measured(ordered, dataset, threads, gates or Gates())


@contextmanager
def _dataset(
    images: str | Path | None, annotations: str | Path | None, max_images: int | None
) -> Iterator[CocoDataset]:
    """The user's images, or synthetic ones."""
    if (images is None) != (annotations is None):
        raise DataError("images and annotations must be given together", value=images or annotations)
    if images is not None and annotations is not None:
        dataset = CocoDataset(images, annotations)
        yield dataset if max_images is None else dataset.first(max_images)
        return
    with TemporaryDirectory() as folder:
        write_split(folder, "val", max_images or SYNTHETIC_IMAGES)
        yield CocoDataset(Path(folder, "val"), Path(folder, "instances_val.json"))


def _open(candidates: Sequence[Candidate], dataset: CocoDataset | None) -> None:
    """Wait for the processes, which open at the same time.

    Args:
        candidates: started.
        dataset: with whose categories the classes must agree; None allows any classes.
    """
    for candidate in candidates:
        if candidate.process is not None:
            with candidate.required():
                candidate.description = candidate.call("describe")
                if dataset is not None:
                    categories_of_labels(candidate.description.info.class_names, dataset)
    _require_one(candidates)


def _distance_from_weights(candidate: Candidate) -> int:
    """0 for the weights as they were trained, then FP32, then other precisions, then what has failed."""
    if candidate.description is None or candidate.failure:
        return 3
    info = candidate.description.info
    if info.precision != "fp32":
        return 2
    return 0 if info.parent_sha256 is None else 1


def _measured(ordered: Sequence[Candidate], dataset: CocoDataset, threads: int | None, gates: Gates) -> BenchResult:
    """Run open candidates, the reference first."""
    reference, files = ordered[0], [dataset.path(index) for index in range(len(dataset))]
    complete = run_interleaved(ordered, files)
    _require_one(ordered)
    measured = [candidate for candidate in ordered if not candidate.failure]
    for candidate in measured:  # before the stages, whose measurement takes more
        with candidate.optional("memory"):
            candidate.memory = candidate.call("memory")
    complete = complete and _time_stages(measured, files[0])
    disagreements = [each for candidate in ordered[1:] for each in _disagreements(reference, candidate)]
    rows = rows_of(ordered, dataset)
    stated = conditions(dataset, threads, reference)
    result = BenchResult(complete, stated, reference.name, rows, disagreements=disagreements)
    return replace(result, gates=check_gates(result, gates))


def _time_stages(candidates: Sequence[Candidate], image: Path) -> bool:
    """Time stages, one candidate after the other; returns whether all was done."""
    try:
        for candidate in candidates:
            with candidate.optional("stages"):
                candidate.stages = candidate.call("stages", image)
    except KeyboardInterrupt:
        return False
    return True


def _disagreements(reference: Candidate, other: Candidate) -> list[Disagreement]:
    if reference.description is None:
        return []
    names = reference.description.info.class_names
    with other.optional("disagreements"):
        return worst_disagreements(other.name, names, reference.detections, other.detections, DISAGREEMENTS)
    return []


def _require_one(candidates: Sequence[Candidate]) -> None:
    if all(candidate.failure for candidate in candidates):
        reasons = "; ".join(f"{candidate.name}: {candidate.failure}" for candidate in candidates)
        raise GridRTError("none of the models could be measured: each has failed", value=reasons)
