"""The library: one function for each thing that GridRT does, re-exported by `gridrt`.

Shapes: H, W height and width of an image, N detections found in one image. Boxes are xyxy in pixels of the original
image. A scale is the most pixels on the long and on the short side of a resized image, in either order.

Every function imports what it needs when it is called, so that this module itself costs nothing. Every error that a
caller can mend is a `gridrt.GridRTError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

from gridrt.config import DEFAULT_SCALE, ScaleOrigin
from gridrt.errors import GridRTError, ImageError
from gridrt.options import check_range

if TYPE_CHECKING:  # PyTorch takes a second to import
    from gridrt.bench.gates import Gates
    from gridrt.bench.result import BenchResult
    from gridrt.calib.calibrate import Calibrated
    from gridrt.calib.engine import BuiltEngine, Rewritten
    from gridrt.calib.recipe import Recipe
    from gridrt.compare.compare import Comparison
    from gridrt.data.image import ImageSource
    from gridrt.data.transform import Batch
    from gridrt.detector import Detector
    from gridrt.eval.report import EvaluationReport
    from gridrt.export.engine.options import EngineOptions
    from gridrt.export.report import ExportReport
    from gridrt.graph.graph import Graph
    from gridrt.model.grid_rcnn import GridRCNN
    from gridrt.report.file_detections import FileDetections
    from gridrt.runtime.backend import Summary
    from gridrt.serving.triton.check import TritonCheck
    from gridrt.serving.triton.repository import TritonRepository
    from gridrt.training.report import TrainingReport
    from gridrt.types import UInt8Array

FilePath: TypeAlias = str | Path
Scale: TypeAlias = tuple[int, int]
TileSize: TypeAlias = int | Literal["auto"]


def load_model(weights: FilePath, *, trust_checkpoint: bool = False) -> GridRCNN:
    """Load a detector as a PyTorch module: float32, on the CPU, in eval mode.

    Args:
        weights: a checkpoint of GridRT or of mmdetection 1.x to 3.x, a bare state dict (.pth, .pt) or .safetensors; or
            a name such as "r50" or "tiny_bccd". Published weights are downloaded once. The variant and the classes are
            read off the file.
        trust_checkpoint: unpickle any class that the file names. That can run any code its author wrote.

    Returns:
        The model; `class_names` and `scale` are those of the file.

    Raises:
        CheckpointError: the file cannot be read or trusted, fits no variant, or holds numbers that are not finite.
        GridRTError: this process was forked from one with detectors or models.

    Example:
        >>> model = gridrt.load_model("tiny_synthetic")
        >>> model.variant, len(model.class_names)
        ('tiny', 6)
    """
    from gridrt.forks import require_no_fork
    from gridrt.model import checkpoint

    require_no_fork()
    return checkpoint.load_model(weights, trust_checkpoint=trust_checkpoint)


def load_image(source: ImageSource, *, stretch: bool = False) -> UInt8Array:
    """Read an image file as RGB pixels, turned upright as its EXIF orientation says.

    Gray, 1-bit, palette and CMYK images become RGB; transparent ones lie on white; 16-bit ones keep their high byte; of
    an animation the first frame is read.

    Args:
        source: an AVIF, BMP, GIF, JPEG, JPEG 2000, PNG, PPM, TIFF or WebP file: its path, its bytes, or a binary file
            object.
        stretch: scale 16-bit gray linearly, the smallest value of the image to 0 and the largest to 255, for images of
            10, 12 or 14 bits, which are dark otherwise.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        ImageError: the file is missing, empty or cut short, is not an image of 8 or 16 bits a channel, or has more
            pixels than 178,956,970, or than the variable GRIDRT_MAX_PIXELS says where it is set.

    Example:
        >>> image = gridrt.load_image("images/000001.png")
        >>> image.shape, image.dtype
        ((256, 320, 3), dtype('uint8'))
    """
    from gridrt.data import image

    return image.load_image(source, stretch=stretch)


def open_detector(  # noqa: PLR0913 - options with defaults
    model: FilePath,
    scale: Scale | None = None,
    *,
    backend: str = "auto",
    threads: int | None = None,
    device: str | None = None,
    tile: TileSize | None = None,
    tile_overlap: float | None = None,
    stretch: bool = False,
    trust_checkpoint: bool = False,
    streams: int | None = None,
) -> Detector:
    """Open a model file as a detector: images in, detections in their own pixels out, whatever runs the model.

    Args:
        model: a checkpoint (.pth, .pt, .safetensors), an ONNX graph (.onnx), a TensorRT engine (.engine), the file of
            another package's backend, or a name such as "r50" or "tiny_bccd".
        scale: most pixels on the long and on the short side of a resized image; None takes the scale that the file
            notes, else (1333, 800).
        backend: name of the backend to run it; "auto" takes the first that is available and gives the reference's
            boxes.
        threads: CPU threads; None leaves the choice to the backend.
        device: such as "cpu" or "cuda:1"; None leaves the choice to the backend.
        tile: cut larger images into overlapping tiles with a side of so many pixels, and detect in each and, once, in
            the whole image: for images in which objects are too small after resizing. "auto" is the short side of the
            scale, so that tiles keep their size. None runs images whole.
        tile_overlap: least overlap of neighbouring tiles, as a share of their side; None is 0.2. Objects larger than
            the overlap may be cut in every tile.
        stretch: where the detector reads image files itself (`detect_files`, `evaluate`), scale 16-bit gray linearly,
            the smallest value of an image to 0 and the largest to 255.
        trust_checkpoint: unpickle any class that a checkpoint names. That can run any code its author wrote.
        streams: parts of a batch that run at the same time, each on its share of the threads: more images per second
            of a large batch, where the backend can; None runs it in one.

    Returns:
        The detector. Called with a list of images, uint8 [H, W, 3] RGB of any sizes, it runs them as one batch and
        returns `Detections` for each: boxes float32 [N, 4], scores float32 [N] from high to low, labels int32 [N].
        With `tile`, N may exceed the limit of the model, which holds for each tile. Threads may share it, and it can be
        pickled for processes started by spawn, which open the file again.

    Raises:
        GridRTError: `model` is no model file, the backend cannot open it, it does not honour one of the options, or
            `tile` or `tile_overlap` is out of range.
        CheckpointError: the checkpoint cannot be read or trusted, or fits no variant.
        GraphError: the graph is not one of GridRT's, or is damaged.
        EngineError: the engine was built for another GPU or another TensorRT, or has no manifest beside it.
        DependencyError: a package or a device is missing on this machine.

    Example:
        >>> detector = gridrt.open_detector("tiny_synthetic", threads=1)
        >>> found = detector([gridrt.load_image("images/000001.png")])[0].above(0.5)
        >>> found.boxes.shape, detector.class_names[found.labels[0]]
        ((8, 4), 'ring')
    """
    from dataclasses import asdict
    from functools import partial

    from gridrt.detector import Detector
    from gridrt.model.zoo import NAMES
    from gridrt.runtime import open_session
    from gridrt.runtime.backend import SessionOptions
    from gridrt.runtime.non_finite import non_finite_stage
    from gridrt.tiling import DEFAULT_OVERLAP, TiledDetector

    if tile is None and tile_overlap is not None:
        raise GridRTError("an overlap of tiles is missing their size", place="`tile_overlap`", value=tile_overlap)
    options = SessionOptions(threads, device, trust_checkpoint, streams)
    session = open_session(model, backend=backend, **asdict(options))

    def find_stage(batch: Batch) -> str | None:
        return non_finite_stage(model, backend, options, batch)

    reopen = partial(
        open_detector,
        model if model in NAMES else Path(model).absolute(),  # another process may have another working directory
        scale,
        backend=backend,
        threads=threads,
        device=device,
        tile=tile,
        tile_overlap=tile_overlap,
        stretch=stretch,
        streams=streams,
        trust_checkpoint=trust_checkpoint,
    )
    if tile is None:
        return Detector(session, scale, find_stage, stretch=stretch, reopen=reopen)
    overlap = DEFAULT_OVERLAP if tile_overlap is None else tile_overlap
    return TiledDetector(session, scale, find_stage, tile=tile, overlap=overlap, stretch=stretch, reopen=reopen)


def detect_files(  # noqa: PLR0913 - options with defaults
    model: FilePath | Detector,
    sources: Sequence[FilePath],
    out: FilePath | None = "detections",
    *,
    json_file: FilePath | TextIO | None = None,
    json_lines: FilePath | TextIO | None = None,
    coco_results: FilePath | None = None,
    coco_ids: FilePath | None = None,
    parquet_file: FilePath | None = None,
    batch: int | None = None,
    workers: int | None = None,
    resume: bool | None = None,
    score_threshold: float = 0.3,
    classes: Sequence[str] | None = None,
    on_error: Callable[[GridRTError], None] | None = None,
    scale: Scale | None = None,
    backend: str = "auto",
    threads: int | None = None,
    device: str | None = None,
    tile: TileSize | None = None,
    tile_overlap: float | None = None,
    stretch: bool = False,
    trust_checkpoint: bool = False,
) -> FileDetections:
    """Detect in image and video files, and write a copy of each with boxes, names and scores drawn on it.

    Everything that can be refused is refused before the first file is opened. The detector then runs as the result is
    iterated over, with a progress bar on a terminal; files are read ahead and copies drawn by other threads. Memory
    does not grow with the number of files. A warning at the end counts the images and frames with as many detections as
    the model can return: more objects may be there.

    Args:
        model: an open detector, or as `open_detector` takes it.
        sources: files, folders (without those within them) and patterns such as "day*/**/*.jpg".
        out: folder of the annotated copies, made where it is missing. JPEG and PNG keep their format; other images
            become PNG, videos MP4. None draws nothing.
        json_file: a file or an open text stream to list all detections in, as JSON, complete at the end; None lists
            them nowhere. It is not written where no image can be read, nor are the four below.
        json_lines: the same with a line of JSON for each image or frame, written as they come.
        coco_results: a file for all detections as COCO's results. Videos are refused.
        coco_ids: the COCO annotation file with the ids of images, by the ends of their paths, and of categories, by the
            names of the classes. None numbers both from 1, in the order of the files and of the labels, and lists them
            beside the results: found.json has found.images.json, an annotation file without annotations.
        parquet_file: a Parquet file with a row for each image or frame; needs pyarrow.
        batch: most images in a batch, each with the canvas that it has alone; None takes 1 on a CPU and 8 on a GPU.
        workers: threads that read, draw and write; None takes one for each CPU that the process may use.
        resume: whether to go on after the files that are in the partial file, `NAME.partial.jsonl` beside the first of
            the lists or else `partial.jsonl` in `out`; those that failed or have changed since are run again. False
            refuses a partial file with results; None keeps none.
        score_threshold: detections below it are neither drawn nor returned, 0 to 1.
        classes: names of the classes to draw and return; None takes all.
        on_error: called with the error of a file that cannot be read as a whole, after which the next file follows;
            None raises the error.
        scale: see `open_detector`; as the seven options below, only where `model` is not open yet.
        backend: see `open_detector`.
        threads: see `open_detector`.
        device: see `open_detector`.
        tile: see `open_detector`.
        tile_overlap: see `open_detector`.
        stretch: see `open_detector`.
        trust_checkpoint: see `open_detector`.

    Returns:
        An iterable of `Record`, one for each image and video frame: `file`, `frame` (None for an image), `width`,
        `height` and `detections`, whose boxes are in pixels of the original. It also has `detector`, `sources` and
        `targets`.

    Raises:
        GridRTError: a folder or pattern has no image or video, the model has no class of a name, or as
            `open_detector`.
        OutputError: a copy or the list cannot be written, or would overwrite an input or another output.
        ImageError: while iterating without `on_error`: a file cannot be read, or a video is cut short.

    Example:
        >>> for record in gridrt.detect_files("tiny_synthetic", ["images"], "detections", json_file="found.json"):
        ...     print(record.file.name, record.width, record.height)
        000001.png 320 256
        000002.png 320 256
    """
    import os

    from gridrt.data.sources import expand
    from gridrt.files import check_is_file, check_outputs

    check_range(0, 1, score_threshold=score_threshold)
    check_range(1, batch=batch, workers=workers)
    files = expand(map(str, sources))
    if not any(map(os.path.exists, files)):  # known before PyTorch is imported and a model opened
        check_is_file(files[0], ImageError)

    from gridrt.classes import labels_of
    from gridrt.pipeline import batch_size
    from gridrt.report.annotate import DetectionFilter, plan_targets
    from gridrt.report.file_detections import FileDetections, check_folder
    from gridrt.report.record_lists import RecordLists

    lists = RecordLists(
        json_file=_path_or_stream(json_file),
        json_lines=_path_or_stream(json_lines),
        coco_results=_path(coco_results),
        coco_ids=_path(coco_ids),
        parquet=_path(parquet_file),
    )
    targets = [] if out is None else plan_targets(files, Path(out))
    if out is not None:
        check_folder(Path(out))
    check_outputs([*targets, *lists.paths], [*files, *_files_of(model), _path(coco_ids)])
    lists.check(files)
    detector, model_sha256 = _opened_and_hashed(
        model,
        hashed=resume is not None,  # by which a later run would know it
        scale=scale,
        backend=backend,
        threads=threads,
        device=device,
        tile=tile,
        tile_overlap=tile_overlap,
        stretch=stretch,
        trust_checkpoint=trust_checkpoint,
    )
    kept = DetectionFilter(score_threshold, None if classes is None else labels_of(classes, detector.class_names))
    conditions = _conditions(model, model_sha256, detector)
    conditions |= {"score_threshold": score_threshold, "labels": kept.labels}
    return FileDetections(
        detector,
        files,
        targets,
        kept,
        on_error,
        batch_size(detector.info, batch, tiled=detector.tile is not None),
        workers,
        lists.opener(files, detector.class_names),
        lists.partial(_path(out), conditions, detector.class_names, resume=resume),
    )


def evaluate(  # noqa: PLR0913 - options with defaults
    model: FilePath | Detector,
    images: FilePath,
    annotations: FilePath,
    *,
    json_file: FilePath | None = None,
    results_file: FilePath | None = None,
    pictures: FilePath | None = None,
    resume: bool = False,
    allow_missing: bool = False,
    max_images: int | None = None,
    batch: int | None = None,
    workers: int | None = None,
    scale: Scale | None = None,
    backend: str = "auto",
    threads: int | None = None,
    device: str | None = None,
    tile: TileSize | None = None,
    tile_overlap: float | None = None,
    stretch: bool = False,
    trust_checkpoint: bool = False,
) -> EvaluationReport:
    """Measure average precision on annotated images, as COCO defines it, with a progress bar on a terminal.

    An image that cannot be read, or whose output is not finite, is left out and listed in `metrics.failed`. The
    categories of the annotation file are matched to the model's classes by name. COCO counts the best 100 detections of
    a class in an image: one warning says how many more there are, another counts the images with as many detections as
    the model can return. Within
    `gridrt.processes.process_group()`, started by torchrun, the processes share the images, and each returns the report
    of all.

    The files are written at the end. Until then the outcome of each image goes to a partial file, `NAME.partial.jsonl`
    beside `results_file` or else `json_file`, or `partial.jsonl` in `pictures` alone, from which `resume` goes on after
    a kill. An open detector leaves none.

    Args:
        model: an open detector, or as `open_detector` takes it.
        images: folder of the images.
        annotations: their boxes, as COCO's JSON.
        json_file: file to write metrics and conditions to, as JSON; None writes none.
        results_file: file to write all detections to, as COCO's JSON; None writes none.
        pictures: folder to draw precision over recall and the worst mistakes in, through matplotlib; None draws
            nothing.
        resume: go on after the images in the partial file, and run those again that failed or have changed since;
            where there is no such file, start at the beginning, with a warning. Without this a partial file with images
            is an error.
        allow_missing: leave out images that are listed but not there, with a warning.
        max_images: evaluate on the first so many of the annotation file; None takes all.
        batch: most images in a batch, each with the canvas that it has alone; None takes 1 on a CPU and 8 on a GPU.
        workers: threads that read images ahead of the model; None takes one for each CPU that the process may use.
        scale: see `open_detector`; as the seven options below, only where `model` is not open yet.
        backend: see `open_detector`.
        threads: see `open_detector`.
        device: see `open_detector`.
        tile: see `open_detector`.
        tile_overlap: see `open_detector`.
        stretch: see `open_detector`.
        trust_checkpoint: see `open_detector`.

    Returns:
        `metrics` (AP at IoU 0.50:0.95, 0.50, 0.75, 0.80 and 0.90, overall and per class, each in 0..1 or None where
        there is no object), `results` (all detections in COCO's format) and `conditions`; `to_json()` for the first and
        the last.

    Raises:
        DataError: the annotations contradict themselves, the images or the classes of the model.
        DependencyError: matplotlib is not installed, and `pictures` is given.
        OutputError: a file cannot be written, or would overwrite an input or another output.
        GridRTError: the partial file is of another model, other annotations or other options, or there are neither
            such a file nor an output; or as `open_detector`.

    Example:
        >>> report = gridrt.evaluate("tiny_synthetic", "images", "annotations.json")
        >>> report.metrics.images, 0.5 < report.metrics.overall.ap <= 1
        (2, True)
    """
    import warnings
    from contextlib import closing, nullcontext

    from gridrt import processes
    from gridrt.data.coco import CocoDataset
    from gridrt.eval import Evaluation, detect_all
    from gridrt.eval.report import EvaluationReport
    from gridrt.eval.results import format_uncounted
    from gridrt.formatting import format_full_images
    from gridrt.pipeline import batch_size
    from gridrt.report.evaluation_files import EvaluationFiles
    from gridrt.report.evaluation_pictures import SCORE_THRESHOLD

    check_range(1, batch=batch, workers=workers, max_images=max_images)
    files = EvaluationFiles(_path(results_file), _path(json_file), _path(pictures))
    dataset = CocoDataset(Path(images), Path(annotations), allow_missing=allow_missing)
    if max_images is not None:
        dataset = dataset.first(max_images)
    files.check([*_files_of(model), Path(annotations), *dataset.paths])
    detector, model_sha256 = _opened_and_hashed(
        model,
        hashed=True,
        scale=scale,
        backend=backend,
        threads=threads,
        device=device,
        tile=tile,
        tile_overlap=tile_overlap,
        stretch=stretch,
        trust_checkpoint=trust_checkpoint,
    )
    conditions = _conditions(model, model_sha256, detector)
    conditions |= {
        "annotations": dataset.place,
        "annotations_sha256": dataset.sha256,
        "max_images": max_images,
        "processes": processes.count(),
    }
    partial = files.partial(conditions, resume=resume)
    images_in_batch = batch_size(detector.info, batch, tiled=detector.tile is not None)
    with nullcontext() if partial is None else closing(partial):
        found = detect_all(detector, dataset, partial, batch=images_in_batch, workers=workers)
        if found.full and processes.rank() == 0:
            limit = detector.info.max_detections
            warnings.warn(format_full_images(len(found.full), found.full[0], limit, detector.tile), stacklevel=2)
        if (note := format_uncounted(found.results)) and processes.rank() == 0:
            warnings.warn(note, stacklevel=2)
        evaluation = Evaluation(dataset, found.results, found.failed)
        false_positives = evaluation.false_positives(SCORE_THRESHOLD)
        conditions["seconds"] = round(found.seconds, 3)
        report = EvaluationReport(evaluation.metrics(), found.results, false_positives, conditions)
        files.write(report, dataset, evaluation, detector.load_image)
        if partial is not None:
            partial.finish()
    return report


def export_onnx(  # noqa: PLR0913 - options with defaults
    weights: FilePath,
    out: FilePath | None = None,
    *,
    scale: Scale | None = None,
    class_names: FilePath | Sequence[str] | None = None,
    max_detections: int | None = None,
    score_threshold: float | None = None,
    iou_threshold: float | None = None,
    verify: bool = True,
    image: FilePath | None = None,
    trust_checkpoint: bool = False,
) -> ExportReport:
    """Write a checkpoint as one ONNX file that any ONNX Runtime runs.

    The graph takes `images`, uint8 [B, H, W, 3] RGB, resized and zero-padded right and bottom to multiples of 32, and
    `image_sizes`, int32 [B, 2], (height, width) before padding. It holds everything from normalisation to the final
    boxes: `boxes` float32 [B, D, 4] xyxy in pixels of the resized image, `scores` float32 [B, D], `labels` int32
    [B, D], -1 in unused rows.

    Args:
        weights: as `load_model` takes it.
        out: the file to write, which ends in .onnx; None names it after the weights, in the current folder.
        scale: of the images that the model learned from, to be noted in the file; None notes the checkpoint's.
        class_names: in the order of the labels, or a text file with one a line; None takes the checkpoint's.
        max_detections: in an image, from 1 to the number of proposals, 1000; None is as the checkpoint states, else
            100.
        score_threshold: detections must exceed it, 0 to 1; None is as the checkpoint states, else 0.03.
        iou_threshold: a detection is suppressed if its box overlaps a better one of its class by more, 0 to 1; None is
            as the checkpoint states, else 0.3.
        verify: run the model and the graph on an image and require the same detections; else nothing is written.
        image: file to verify on; None takes a synthetic one.
        trust_checkpoint: see `load_model`.

    Returns:
        What was written: `file`, `size` in bytes, `variant`, `class_names`, `scale`, `scale_origin`, `verification`.

    Raises:
        CheckpointError: as `load_model`; or `class_names` are not as many as the model has classes.
        GridRTError: the model has no grid, no image can have this scale, or a limit or threshold is out of range.
        ImageError: `image` cannot be read.
        OutputError: `out` cannot be written, would overwrite an input, or does not end in .onnx.
        VerificationError: the detections of the graph differ from the model's.

    Example:
        >>> report = gridrt.export_onnx("tiny_synthetic", "tiny.onnx", verify=False)
        >>> report.variant, report.scale, report.scale_origin
        ('tiny', (320, 256), 'noted')
    """
    from gridrt.classes import read_class_names
    from gridrt.data.transform import check_noted_scale
    from gridrt.export.detections import change_detections
    from gridrt.export.onnx_export import onnx_from_model, save_onnx
    from gridrt.export.report import ExportReport
    from gridrt.export.synthetic_image import synthetic_image
    from gridrt.export.verify import verify_graph
    from gridrt.files import check_outputs, require_suffix
    from gridrt.graph.graph import Graph
    from gridrt.model import checkpoint
    from gridrt.model.zoo import locate
    from gridrt.runtime.backend import weights_files
    from gridrt.unchanged import sha256_of_all, unchanged

    file = Path(out) if out is not None else Path(Path(weights).stem + ".onnx")
    require_suffix(file, ".onnx", "an ONNX file")
    names_file = Path(class_names) if isinstance(class_names, (str, Path)) else None
    check_outputs([file], [*_files_of(weights), _path(image), names_file])
    if scale is not None:
        check_noted_scale(scale)
    pixels = synthetic_image() if image is None else load_image(image)  # a bad image stops early
    path = locate(weights)
    names = read_class_names(str(class_names)) if isinstance(class_names, (str, Path)) else class_names
    with unchanged(weights_files(path)):
        sha256 = sha256_of_all(weights_files(path))
        model = checkpoint.load_model(path, trust_checkpoint=trust_checkpoint, class_names=names)
    change_detections(
        model, max_detections=max_detections, score_threshold=score_threshold, iou_threshold=iou_threshold
    )
    origin: ScaleOrigin = "as asked" if scale else "noted" if model.scale else "assumed"
    model.scale = scale or model.scale
    graph = onnx_from_model(model, sha256)
    verification = verify_graph(model, Graph(graph, file), pixels) if verify else None
    save_onnx(graph, file)
    run_at = model.scale or DEFAULT_SCALE
    return ExportReport(file, file.stat().st_size, model.variant, model.class_names, run_at, origin, verification)


def calibrate(  # noqa: PLR0913 - options with defaults
    graph: Graph | FilePath,
    images: FilePath,
    out: FilePath | None = None,
    *,
    recipe: Recipe | FilePath = "int8",
    target: str = "tensorrt",
    method: str = "mse",
    max_images: int = 200,
    annotations: FilePath | None = None,
    calibrate_annotations: FilePath | None = None,
    allow_missing: bool = False,
    sensitivity: bool = False,
    max_ap_drop: float | None = None,
    cache: FilePath | None = None,
    figures: FilePath | None = None,
    scale: Scale | None = None,
    threads: int | None = None,
) -> Calibrated:
    """Find the ranges of a graph's activations on real images, and write the graph in INT8.

    The images run through the whole detector, so the second stage sees real proposals. An interrupted calibration
    continues from its cache. Images that cannot be read are left out, with a warning. Another warning says that AP is
    measured on images that are also calibrated on.

    Args:
        graph: an ONNX file of `export_onnx`, in FP32, or what `gridrt.graph.graph.load_graph` read from it.
        images: folder of images like those to detect in.
        out: the ONNX file to write; None names it after the graph and the recipe, in the current folder. With
            `max_ap_drop` the recipe that was found goes beside it, as TOML.
        recipe: "int8", "mixed", a TOML file or a loaded recipe, which must plan INT8.
        target: the runtime to write for, "tensorrt" or "cpu".
        method: how ranges are clipped: "mse", "entropy", "percentile" or "minmax".
        max_images: of more images so many are taken, evenly spaced.
        annotations: boxes of images below `images`, as COCO's JSON; None leaves average precision unmeasured.
        calibrate_annotations: COCO's JSON that lists the images to calibrate with, below `images`; None takes those
            right in that folder.
        allow_missing: leave out images that an annotation file lists and that are not there, with a warning.
        sensitivity: measure what INT8 costs, block by block.
        max_ap_drop: budget in points of 100; the costliest blocks stay in FP16 until the loss of AP is within it. Needs
            `annotations`.
        cache: file that keeps what was observed; None names it after the graph, in the current folder.
        figures: JSON file for what was measured; None writes none.
        scale: most pixels on the long and on the short side of a resized image; None is the scale in the graph.
        threads: CPU threads; None means as many as the process may use.

    Returns:
        The written `graph` (`graph.path` is its file), the `recipe` it was rewritten by, the `fidelity` of its
        detections to those in FP32, `ap` and `ap_after` in points of 100, and what each block costs.

    Raises:
        RecipeError: the recipe does not fit the graph, or plans nothing in INT8.
        GraphError: the graph is not one of `export_onnx` in FP32.
        DataError: there are no images, fewer than half can be read, or the annotations do not fit them.
        OutputError: a file cannot be written, or would overwrite an input.
        GridRTError: an option is not one of the above.

    Example:
        >>> done = gridrt.calibrate("tiny_synthetic.onnx", "images", "int8.onnx", target="cpu", max_images=1)
        >>> done.graph.path.name, done.images
        ('int8.onnx', 1)
    """
    from gridrt.calib import calibrate as calibration

    return calibration.calibrate(
        _graph(graph),
        Path(images),
        recipe=recipe,
        target=target,
        method=method,
        max_images=max_images,
        annotations=_path(annotations),
        calibrate_annotations=_path(calibrate_annotations),
        allow_missing=allow_missing,
        sensitivity=sensitivity,
        max_ap_drop=max_ap_drop,
        cache=_path(cache),
        scale=scale,
        threads=threads,
        out=_path(out),
        figures=_path(figures),
    )


def rewrite_graph(  # noqa: PLR0913 - options with defaults
    graph: Graph | FilePath,
    recipe: Recipe | FilePath,
    out: FilePath | None = None,
    *,
    images: FilePath | None = None,
    method: str = "mse",
    max_images: int = 200,
    cache: FilePath | None = None,
    scale: Scale | None = None,
    threads: int | None = None,
) -> Rewritten:
    """Write a graph for TensorRT in the precisions of a recipe, without building an engine.

    Args:
        graph: see `calibrate`.
        recipe: "fp16", "int8", "mixed", a TOML file or a loaded recipe.
        out: the ONNX file to write; None names it after the graph and the recipe, in the current folder.
        images: folder of images like those to detect in, which INT8 needs. Other precisions take neither it nor the
            options below, other than `threads`.
        method: see `calibrate`.
        max_images: see `calibrate`.
        cache: see `calibrate`.
        scale: see `calibrate`.
        threads: see `calibrate`.

    Returns:
        The written `graph` (`graph.path` is its file), and in INT8 the `fidelity` of its detections to those in FP32.

    Raises:
        GridRTError: as `calibrate`; or a recipe with INT8 has no images, or one without has options of calibration.

    Example:
        >>> gridrt.rewrite_graph("tiny_synthetic.onnx", "fp16").graph.path.name
        'tiny_synthetic.fp16.onnx'
    """
    from gridrt.calib import engine

    return engine.rewrite_graph(
        _graph(graph),
        recipe,
        _path(out),
        images=_path(images),
        method=method,
        max_images=max_images,
        cache=_path(cache),
        scale=scale,
        threads=threads,
    )


def build_engine(  # noqa: PLR0913 - options with defaults
    graph: Graph | FilePath,
    out: FilePath | None = None,
    *,
    recipe: Recipe | FilePath | None = None,
    options: EngineOptions | None = None,
    images: FilePath | None = None,
    method: str = "mse",
    max_images: int = 200,
    cache: FilePath | None = None,
    scale: Scale | None = None,
    threads: int | None = None,
) -> BuiltEngine:
    """Build a TensorRT engine from a graph, and check that its layers have the precision asked for.

    Args:
        graph: see `calibrate`; without a recipe also one of `calibrate` or `rewrite_graph`.
        out: the engine to write, which ends in .engine, with its manifest beside it; None names it after the graph and
            the recipe, in the current folder. A rewritten graph goes beside it as ONNX.
        recipe: "fp16", "int8", "mixed", a TOML file or a loaded recipe; None takes the graph as it is.
        options: what the engine is built for; None takes single images of every size that the scale gives.
        images: see `rewrite_graph`.
        method: see `calibrate`.
        max_images: see `calibrate`.
        cache: see `calibrate`.
        scale: see `calibrate`.
        threads: see `calibrate`.

    Returns:
        The engine's `file`, its `manifest`, and the `rewritten` graph that it was built from, or None.

    Raises:
        DependencyError: TensorRT, Polygraphy, what plugins need, or the GPU is missing.
        EngineError: TensorRT cannot build the engine, ignores an option, or runs a layer in more bits than asked for.
        OutputError: a file cannot be written, or would overwrite an input.
        GridRTError: as `rewrite_graph`.

    Example:
        >>> built = gridrt.build_engine("tiny_synthetic.onnx", recipe="fp16")
        >>> built.file.name, built.rewritten.graph.path.name
        ('tiny_synthetic.fp16.engine', 'tiny_synthetic.fp16.onnx')
    """
    from gridrt.calib import engine

    return engine.build_engine(
        _graph(graph),
        _path(out),
        recipe=recipe,
        options=options,
        images=_path(images),
        method=method,
        max_images=max_images,
        cache=_path(cache),
        scale=scale,
        threads=threads,
    )


def benchmark(  # noqa: PLR0913 - options with defaults
    models: Sequence[FilePath],
    *,
    images: FilePath | None = None,
    annotations: FilePath | None = None,
    max_images: int | None = None,
    allow_missing: bool = False,
    reference: FilePath | None = None,
    backends: Sequence[str] = (),
    fp16: bool = False,
    scale: Scale | None = None,
    threads: int | None = None,
    trust_checkpoint: bool = False,
    streams: int | None = None,
    runs: int | None = None,
    batches: Sequence[int] = (),
    stages: bool = True,
    gates: Gates | None = None,
    json_file: FilePath | None = None,
    html_file: FilePath | None = None,
) -> BenchResult:
    """Measure average precision, latency, size and memory of models side by side.

    Each image goes through all models in rotating order, each in a process of its own. A model that cannot be measured
    is a row with the reason. An image that cannot be read is skipped for all models. Control-C ends the measurement;
    the result then covers the images that were done.

    Args:
        models: as `open_detector` takes them; a row for each.
        images: folder of annotated images; None makes synthetic ones, on which models with other classes than theirs
            are measured without accuracy.
        annotations: boxes of `images`, as COCO's JSON.
        max_images: measure on the first so many; None takes all, or 100 synthetic ones.
        allow_missing: leave out images that are listed but not there, with a warning.
        reference: the model that the others are compared with, also where it is not among `models`; None takes a
            checkpoint, else a model in FP32, else the first.
        backends: names of backends, each for the files that it opens; a file that two of them open has two rows. The
            other files are run by the backend that "auto" takes.
        fp16: measure checkpoints also in half precision: with kernels, on an NVIDIA GPU.
        scale: most pixels on the long and on the short side of a resized image; None takes the scale that the files
            note. Where they note different ones, each model runs at its own, and those that differ from the reference
            meet no gate.
        threads: CPU threads, for backends that honour it; None leaves the choice to each.
        trust_checkpoint: see `open_detector`.
        streams: parts of a batch that run at the same time, for backends that honour it; None runs it in one.
        runs: times of each model, at least: few images are run again. None takes 50.
        batches: also measure the images per second of sessions in batches of these sizes, of copies of an image.
        stages: also measure where the time of each session goes.
        gates: requirements that the rows are checked against, `gridrt.bench.gates.Gates`.
        json_file: JSON file for all figures; None writes none.
        html_file: HTML file for a report; None writes none.

    Returns:
        `rows`, `reference`, `gates`, `failed` images and `conditions`: average precision in 0..1, times in seconds,
        sizes in bytes; `to_json()` for all of it.

    Raises:
        DataError: `images` and `annotations` do not belong together.
        GridRTError: a file of `models` is missing, no image can be read, no model can be measured, a backend opens none
            of the files, or no backend honours an option.
        OutputError: a file cannot be written, or would overwrite an input or another output.

    Example:
        >>> result = gridrt.benchmark(
        ...     ["tiny_synthetic", "tiny_synthetic.onnx"], images="images", annotations="annotations.json", threads=1
        ... )
        >>> result.reference, [row.name for row in result.rows]
        ('tiny_synthetic', ['tiny_synthetic', 'tiny_synthetic.onnx'])
    """
    from gridrt.bench import bench
    from gridrt.files import write_text
    from gridrt.report.bench_report import save_bench_report

    result = bench.benchmark(
        models,
        images=images,
        annotations=annotations,
        max_images=max_images,
        allow_missing=allow_missing,
        reference=reference,
        backends=backends,
        fp16=fp16,
        scale=scale,
        threads=threads,
        trust_checkpoint=trust_checkpoint,
        streams=streams,
        runs=runs,
        batches=batches,
        stages=stages,
        gates=gates,
        outputs=[Path(file) for file in (json_file, html_file) if file is not None],
    )
    if json_file is not None:
        write_text(json_file, result.to_json())
    if html_file is not None:
        save_bench_report(html_file, result)
    return result


def compare_models(
    reference: FilePath,
    other: FilePath,
    *,
    images: Iterable[FilePath | UInt8Array] | None = None,
    json_file: FilePath | None = None,
    scale: Scale | None = None,
    backend: str = "auto",
    threads: int | None = None,
    trust_checkpoint: bool = False,
) -> Comparison:
    """Compare model B with model A, stage by stage, and find the first stage that differs.

    Stages are compared with teacher forcing: wherever the detector selects, B receives A's selections, so that a swap
    of ranks is no difference and each stage answers for itself. A model whose backend exposes only final outputs is
    compared end to end. Tolerances are those of the narrower of both precisions.

    Args:
        reference: A, as `open_detector` takes it.
        other: B, likewise.
        images: files, or uint8 [H, W, 3] RGB each, of any sizes, taken one by one; None takes synthetic ones. INT8
            needs images like those that it was calibrated on.
        json_file: JSON file for the figures; None writes none.
        scale: most pixels on the long and on the short side of a resized image; None takes the scale that a file notes,
            A's before B's.
        backend: name of the backend for those of the two that it opens; the other is run by the one that "auto" takes.
        threads: CPU threads of the backends that honour it; None leaves the choice to them.
        trust_checkpoint: see `open_detector`.

    Returns:
        `results`, the `figures` of each stage, a difference beside its tolerance, without units: a relative RMS error,
        a share of boxes in 0..1, a mean of 1 - IoU, or a count of class names; `first_difference`, None where no stage
        exceeds its tolerance; `notes`; `to_json()` for all of it.

    Raises:
        GridRTError: a model cannot be opened or run, the backend opens neither, neither honours an option, or there is
            no image.
        ImageError: an image file cannot be read.
        OutputError: `json_file` cannot be written, or would overwrite an input.

    Example:
        >>> comparison = gridrt.compare_models("tiny_synthetic", "tiny_synthetic.onnx")
        >>> comparison.first_difference is None
        True
    """
    import json

    from gridrt.compare import compare
    from gridrt.files import check_outputs, write_text

    if isinstance(images, (str, Path)):
        raise GridRTError("must be a list", place="`images`", value=images, remedy="Put the file into a list.")
    files = [Path(image) for image in images if isinstance(image, (str, Path))] if isinstance(images, Sequence) else []
    check_outputs([_path(json_file)], [*_files_of(reference), *_files_of(other), *files])
    loaded = None
    if images is not None:
        loaded = (load_image(image) if isinstance(image, (str, Path)) else image for image in images)
    comparison = compare.compare_models(
        reference,
        other,
        images=loaded,
        scale=scale,
        backend=backend,
        threads=threads,
        trust_checkpoint=trust_checkpoint,
    )
    if json_file is not None:
        write_text(json_file, json.dumps(comparison.to_json(), indent=2) + "\n")
    return comparison


def inspect(model: FilePath, *, trust_checkpoint: bool = False) -> Summary:
    """Read what a model file says about itself, without running it; also of one that cannot be run.

    Args:
        model: as `open_detector` takes it.
        trust_checkpoint: see `open_detector`.

    Returns:
        A dataclass of facts, whose fields depend on the kind of file; `lines()` gives them as text, one fact a line.

    Raises:
        GridRTError: no backend opens the file, or it is damaged.

    Example:
        >>> summary = gridrt.inspect("tiny_synthetic")
        >>> summary.variant, summary.scale
        ('tiny', (320, 256))
        >>> summary.lines()[1]
        'variant     tiny'
    """
    from gridrt.runtime.backend import SessionOptions, backends_and_file, require_honoured

    able, path = backends_and_file(model)
    backend = next((each for each in able if each.faithful), able[0])  # whether it runs here does not matter
    options = SessionOptions(trust_checkpoint=trust_checkpoint)
    require_honoured(backend, options, model)
    return backend.summary(path, options)


def train(  # noqa: PLR0913 - options with defaults
    images: FilePath,
    annotations: FilePath | Sequence[FilePath],
    out: FilePath = "training",
    *,
    val_images: FilePath | None = None,
    val_annotations: FilePath | None = None,
    allow_missing: bool = False,
    model: str | None = None,
    weights: FilePath | None = None,
    backbone_weights: FilePath | None = None,
    frozen_stages: int | None = None,
    schedule: str = "2x",
    epochs: int | None = None,
    batch_size: int | None = None,
    accumulate: int = 1,
    lr: float | None = None,
    scale: Scale | None = None,
    eval_every: int | None = None,
    save_every: int = 100,
    amp: Literal["off", "bf16", "fp16"] = "off",
    device: str | None = None,
    threads: int | None = None,
    workers: int = 2,
    seed: int = 0,
    resume: bool = False,
) -> TrainingReport:
    """Train a detector on annotated images, with a progress bar and lines on stderr.

    Writes last.pth and, with an evaluation, best.pth, which the other functions take; log.jsonl and, where matplotlib
    is installed, curves.png; and checkpoint.pth, from which `resume` continues. Within
    `gridrt.processes.process_group()`, started by torchrun, the processes share the images of each iteration.

    Args:
        images: folder of the images.
        annotations: their boxes, as COCO's JSON; several files are joined.
        out: folder to write to, made where it is missing.
        val_images: folder of the images to evaluate on; None is `images`.
        val_annotations: their boxes; None evaluates on none.
        allow_missing: leave out images that are listed but not there, with a warning.
        model: the variant, such as "tiny", "r50" or "r101"; None is that of `weights`, or "r50".
        weights: file or name of a detector to start from (fine-tuning). Its normalisation of pixels is kept. Where its
            classes are not those of the annotations, the layers that depend on them start anew, and stderr names them.
        backbone_weights: file or name of weights to start the backbone from: a ResNet with torchvision's names, or a
            detector; None starts from random weights.
        frozen_stages: stages of the backbone that keep their weights, 0 to 4; None is the variant's choice.
        schedule: "2x" as published, or "short" for small sets without trained weights.
        epochs: passes over the images; None is the schedule's choice.
        batch_size: images per forward pass of each process; None is the schedule's choice.
        accumulate: batches per iteration, which is one change of the weights.
        lr: peak learning rate; None is the schedule's, scaled to the images of an iteration.
        scale: most pixels on the long and on the short side of a resized image; None is the schedule's.
        eval_every: epochs from one evaluation to the next; None is the schedule's choice.
        save_every: iterations from one saved state to the next; each epoch ends with one, too.
        amp: mixed precision, on a GPU only.
        device: such as "cpu" or "cuda:1"; None takes the GPU where there is one.
        threads: CPU threads of PyTorch in this process; None lowers its setting to as many as the process may use.
        workers: processes that load images.
        seed: of weights, order and augmentation, at least 0.
        resume: continue from the state in `out`; where there is none, a new training begins.

    Returns:
        `weights`, the file of the best weights; `best_ap` in 0..1 or None; `epochs`, `iterations` and `seconds`.

    Raises:
        GridRTError: an option is not valid, another training writes to `out`, or the losses are no longer finite.
        DataError: the annotations contradict themselves, the images or the classes of the state to continue from.
        CheckpointError: weights or state cannot be read, weights are of another variant, or `out` has a training that
            was not to be resumed.
        ImageError: an image cannot be read.
        OutputError: `out` cannot be written, has no room, or has an input in the place of a result.
        DependencyError: the device is not on this machine.

    Example:
        >>> options = {"model": "tiny", "schedule": "short", "epochs": 1, "scale": (96, 64), "workers": 0}
        >>> report = gridrt.train("images", "annotations.json", "training", **options)
        >>> report.weights.name, report.epochs, report.iterations
        ('last.pth', 1, 1)
    """
    import torch

    from gridrt.data.transform import check_noted_scale
    from gridrt.errors import CheckpointError
    from gridrt.files import check_outputs, sha256_of
    from gridrt.machine.cpus import thread_count, usable_cpus
    from gridrt.model.zoo import locate
    from gridrt.training import Settings, Trainer
    from gridrt.training.folder import BEST, FILES, LAST, locked_folder
    from gridrt.training.report import TrainingReport
    from gridrt.training.setup import initial_model, schedule_named, training_data, training_device
    from gridrt.unchanged import unchanged

    counts = {"epochs": epochs, "batch_size": batch_size, "accumulate": accumulate, "eval_every": eval_every}
    check_range(1, **counts, save_every=save_every, threads=threads)
    check_range(0, workers=workers, seed=seed)
    check_range(0, 4, frozen_stages=frozen_stages)
    if scale is not None:
        check_noted_scale(scale)
    torch.set_num_threads(min(torch.get_num_threads(), usable_cpus()) if threads is None else thread_count(threads))
    files = [Path(annotations)] if isinstance(annotations, (str, Path)) else list(map(Path, annotations))
    validation = None if val_annotations is None else (Path(val_images or images), Path(val_annotations))
    with locked_folder(Path(out)):  # in the order in which mistakes are cheap to find
        on = training_device(device, amp)
        changes = {"epochs": epochs, "batch_size": batch_size, "scale": scale, "eval_every": eval_every}
        plan = schedule_named(schedule, accumulate, lr, **changes)
        data = training_data(Path(images), files, validation, plan.scale, seed, allow_missing=allow_missing)
        inputs = [*files, *data.paths, _path(val_annotations)]
        for given in (weights, backbone_weights):
            inputs += [] if given is None else _files_of(given)
        check_outputs([Path(out) / name for name in FILES], inputs)
        with unchanged([] if weights is None else [locate(weights)], CheckpointError):
            start = initial_model(model, data.images.class_names, weights, backbone_weights, frozen_stages, seed).to(on)
            parent = None if weights is None else sha256_of(locate(weights))
        settings = Settings(plan, accumulate, amp, save_every, workers, parent)
        trainer = Trainer(start, data, settings, Path(out), resume=resume)
        trainer.run()
    done = trainer.progress
    result = Path(out) / (LAST if done.best_ap is None else BEST)
    return TrainingReport(start.variant, result, done.best_ap, done.epoch, done.iteration, done.seconds)


def write_triton_repository(  # noqa: PLR0913 - options with defaults
    model: FilePath,
    out: FilePath,
    *,
    name: str | None = None,
    max_batch: int = 8,
    max_delay: int = 2000,
    instances: int = 1,
    in_process: bool = False,
    triton_version: str | None = None,
    scale: Scale | None = None,
    backend: str = "auto",
    threads: int | None = None,
) -> TritonRepository:
    """Write a detector as a model of the Triton Inference Server, as the next version of its name.

    Clients ask a front, in Triton's Python back end: it takes image files or pixels of any sizes, and gives boxes in
    pixels of each image (`gridrt.serving.triton.front`). Behind it, Triton's own back end runs an ONNX graph, or an
    engine with its plugin library; the front runs all other files itself. The Python of the server must have gridrt.

    Args:
        model: as `open_detector` takes it.
        out: folder of the model repository, made where it is missing.
        name: of the front; the model behind it is `NAME_model`. None is the name of the file, without its suffix.
        max_batch: images in a batch, at most; for an engine also at most what it was built for.
        max_delay: microseconds that a request waits for others to run with, at most.
        instances: copies that run side by side, of the front and, on each device, of the model behind it.
        in_process: let the front run the model, also where Triton has a back end for it.
        triton_version: release of Triton's container, such as "25.12", whose ONNX Runtime must read the graph; None is
            the newest known.
        scale: see `open_detector`.
        backend: see `open_detector`; which Triton back end runs the file depends on it.
        threads: CPU threads of the backend, or of Triton's ONNX Runtime; None leaves the choice to them.

    Returns:
        `name`, `version` and `models`, in the order in which a running server should load them; `start`, the command
        line of a server; `runs_on`, what runs the model.

    Raises:
        GridRTError: the name is not one that Triton takes, the release does not read the model, or an option is not for
            it.
        EngineError: the plugin library of an engine is missing, or another one.
        OutputError: a file cannot be written, would overwrite an input, or belongs to another model of that name.

    Example:
        >>> written = gridrt.write_triton_repository("tiny_synthetic.onnx", "models", name="cells")
        >>> written.models, written.version
        (('cells_model', 'cells'), 1)
    """
    from gridrt.serving.triton.repository import ServingOptions, write_repository
    from gridrt.serving.triton.versions import NEWEST

    check_range(1, max_batch=max_batch, instances=instances)
    check_range(0, max_delay=max_delay)
    options = ServingOptions(scale, backend, threads, max_batch, max_delay, instances, in_process)
    return write_repository(model, Path(out), name, triton_version or NEWEST, options)


def check_triton(
    model: FilePath | Detector,
    urls: Sequence[str],
    images: FilePath,
    *,
    name: str | None = None,
    together: int = 8,
    scale: Scale | None = None,
    backend: str = "auto",
    threads: int | None = None,
) -> list[TritonCheck]:
    """Prove that a Triton server gives the detections of a detector: within 0.01 pixels and 2e-4 in score.

    Each image is sent as a file, as pixels, and as a file together with others. An image that the detector cannot read
    must be refused by the server too.

    Args:
        model: an open detector, or as `open_detector` takes it.
        urls: of the server, such as "http://localhost:8000" and "grpc://localhost:8001".
        images: folder of images.
        name: of the model in Triton; None is the name of the file, without its suffix.
        together: images in one request of several.
        scale: see `open_detector`; as the two options below, only where `model` is not open yet.
        backend: see `open_detector`.
        threads: see `open_detector`.

    Returns:
        For each URL: `images`, `refused` and `detections`, how many; `largest_box_error` in pixels of the image, and
        `largest_score_error`, where scores are in 0..1.

    Raises:
        VerificationError: an answer differs.
        DependencyError: tritonclient is not installed.
        GridRTError: a URL has another form, the server gives no answer, or an open detector has no `name`.

    Example:
        >>> [check] = gridrt.check_triton("tiny_synthetic.onnx", ["http://localhost:8000"], "images")
        >>> check.images, check.refused, check.largest_box_error < 0.01
        (2, 0, True)
    """
    from gridrt.model.zoo import place_of
    from gridrt.serving.triton.check import check_served

    check_range(1, together=together)
    if name is None and not isinstance(model, (str, Path)):
        raise GridRTError("an open detector has no name in Triton", place="`name`", remedy="Give its `name`.")
    served = name if name is not None or not isinstance(model, (str, Path)) else place_of(model).stem
    detector = _opened(model, scale=scale, backend=backend, threads=threads)
    return [check_served(detector, url, str(served), Path(images), together) for url in urls]


def _graph(graph: Graph | FilePath) -> Graph:
    from gridrt.runtime import graph_in

    return graph_in(Path(graph)) if isinstance(graph, (str, Path)) else graph


def _files_of(model: FilePath | Detector) -> list[Path]:
    """The files that a model is read from; none where it is open already."""
    from gridrt.runtime.backend import files_of

    return files_of(model) if isinstance(model, (str, Path)) else []


def _path(path: FilePath | None) -> Path | None:
    return None if path is None else Path(path)


def _path_or_stream(target: FilePath | TextIO | None) -> Path | TextIO | None:
    return Path(target) if isinstance(target, str) else target


def _opened(model: FilePath | Detector, **options: Any) -> Detector:  # noqa: ANN401 - those of open_detector
    """A detector that is open already as it is, anything else opened with the options."""
    if isinstance(model, (str, Path)):
        return open_detector(model, **options)
    unset = {**dict.fromkeys(options), "backend": "auto", "stretch": False, "trust_checkpoint": False}
    if given := [name for name, value in options.items() if value != unset[name]]:
        remedy = "Give them to gridrt.open_detector."
        place = ", ".join(f"`{name}`" for name in given)
        raise GridRTError("options of an open detector cannot be changed", place=place, remedy=remedy)
    return model


def _opened_and_hashed(
    model: FilePath | Detector,
    *,
    hashed: bool,
    **options: Any,  # noqa: ANN401 - those of open_detector
) -> tuple[Detector, str | None]:
    """`_opened`, and the SHA-256 of the files that it was read from; None if not `hashed`, or open already."""
    from gridrt.model.zoo import locate
    from gridrt.runtime.backend import weights_files
    from gridrt.unchanged import sha256_of_all, unchanged

    if not hashed or not isinstance(model, (str, Path)):
        return _opened(model, **options), None
    files = weights_files(locate(model))
    with unchanged(files):
        return _opened(model, **options), sha256_of_all(files)


def _conditions(model: FilePath | Detector, model_sha256: str | None, detector: Detector) -> dict[str, Any]:
    """What detections hold under, ready for JSON; a detector that was open already has no file."""
    import gridrt

    return {
        "gridrt": gridrt.__version__,
        "model": str(model) if isinstance(model, (str, Path)) else None,
        "model_sha256": model_sha256,
        "backend": detector.info.backend,
        "device": detector.info.device,
        "scale": list(detector.scale),
        "scale_origin": detector.scale_origin,
        "tile": detector.tile,
        "tile_overlap": detector.tile_overlap,
        "stretch": detector.stretch,
        "max_detections": detector.info.max_detections,
    }
