"""Real images through the real graph, with an observer at each activation that a target may quantise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnx.helper
import onnxruntime as ort
from onnx import GraphProto, ModelProto, TensorProto
from tqdm import tqdm

from gridrt.calib.cache import CalibrationCache, Key, read_cache, write_cache
from gridrt.calib.observers import Observer
from gridrt.calib.targets import TARGETS
from gridrt.data.image import load_image
from gridrt.data.transform import Transform
from gridrt.errors import DataError, GraphError, GridRTError, ImageError
from gridrt.files import sha256_of
from gridrt.graph.wiring import wiring_of

GRID_BRANCH = "roi_head.grid_head"
"""Module whose nodes run on detections; where an image has none, they run on one row of zeros."""

SAVE_SECONDS = 10.0
"""At most so much work is lost when a calibration is interrupted, and the image that it was at."""


def observed_activations(graph: GraphProto) -> list[str]:
    """The activations that any target quantises where a recipe plans INT8 everywhere."""
    wiring = wiring_of(graph)
    everywhere = frozenset(wiring.nodes)
    return sorted({tensor for target in TARGETS.values() for tensor in target.quantized_reads(wiring, everywhere)})


def observe(
    graph: Path, images: Sequence[Path], scale: tuple[int, int], cache: Path, threads: int | None = None
) -> dict[str, Observer]:
    """What the activations of a graph are like on images, one image at a time, with a progress bar on a terminal.

    Args:
        graph: a file of `gridrt export`, in FP32.
        images: pictures like those that the detector will see; each counts once.
        scale: most pixels on the long and on the short side of a resized image.
        cache: what was seen is kept here; images that it has for this graph and scale are not run again.
        threads: CPU threads; None means every physical core.

    Returns:
        An observer for each activation, by its name.

    Raises:
        DataError: no images, or none that shows an object that the detector finds.
        GraphError: the graph cannot be run on a picture, such as for want of memory, or gives numbers that are not
            finite.
        ImageError: a picture cannot be read.
        OutputError: the cache cannot be written.
    """
    if not images:
        raise DataError("there is at least one image to calibrate with", place="--images")
    hashes = {_hash_of(path): path for path in images}
    model = onnx.load(graph)
    names = observed_activations(model.graph)
    state = read_cache(cache, Key(sha256_of(graph), scale, tuple(names)), hashes)
    waiting = [digest for digest in hashes if digest not in state.seen]
    if waiting:
        runner = _Runner(model, names, scale, threads)
        _see_all(runner, {digest: hashes[digest] for digest in waiting}, state, cache)
    if not state.detections:
        raise DataError(
            "calibration images show objects that the detector finds, or the grid branch is never run",
            place=images[0].parent,
            value=f"no detection in {len(hashes)} images",
            remedy="Take images like those that the detector is for.",
        )
    return state.observers


def _hash_of(picture: Path) -> str:
    try:
        return sha256_of(picture)
    except OSError as error:
        raise ImageError("the picture cannot be read", place=picture, value=error.strerror) from error


def _see_all(runner: _Runner, images: dict[str, Path], state: CalibrationCache, cache: Path) -> None:
    saved = time.monotonic()
    for digest, path in tqdm(images.items(), "calibrating", unit="image", disable=None):
        try:
            made = runner.run(path)
        except GridRTError:
            write_cache(cache, state)
            raise
        runner.note(made, state)
        state.seen.append(digest)
        if time.monotonic() - saved > SAVE_SECONDS:
            write_cache(cache, state)
            saved = time.monotonic()
    write_cache(cache, state)


class _Runner:
    """A graph that gives its activations out.

    Args:
        model: changed in place.
        names: of the activations.
        scale: of the images.
        threads: of ONNX Runtime.
    """

    def __init__(self, model: ModelProto, names: Sequence[str], scale: tuple[int, int], threads: int | None) -> None:
        self._on_grid = _touching(model.graph, GRID_BRANCH)
        model.graph.output.extend(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        self._session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        self._transform = Transform(scale)
        self._names = list(names)

    def run(self, path: Path) -> list[npt.NDArray[np.float32]]:
        """The labels of what is in a picture, and all activations."""
        batch = self._transform([load_image(path)])
        feeds = {"images": batch.images, "image_sizes": batch.image_sizes}
        try:
            return list(self._session.run(["labels", *self._names], feeds))
        except Exception as error:  # ONNX Runtime's error classes share no base of their own
            raise GraphError("ONNX Runtime cannot run the graph on this picture", place=path, value=error) from error

    def note(self, made: Sequence[npt.NDArray[np.float32]], state: CalibrationCache) -> None:
        """Let the observers of `state` see what a picture made."""
        labels, *activations = made
        detections = int((labels >= 0).sum())
        state.detections += detections
        for name, values in zip(self._names, activations, strict=True):
            if detections or name not in self._on_grid:
                state.observers[name].see(values)


def _touching(graph: GraphProto, module: str) -> set[str]:
    """Tensors that the nodes of a module read or make."""
    nodes = (node for node in graph.node if node.name.startswith(module))
    return {tensor for node in nodes for tensor in (*node.input, *node.output)}
