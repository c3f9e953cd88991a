"""Run real images through the FP32 graph, with an observer at each activation that a target may quantise."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from onnx import GraphProto
from tqdm import tqdm

from gridrt.calib.cache import CalibrationCache, Key, read_cache, write_cache
from gridrt.calib.observers import Observer
from gridrt.calib.targets import TARGETS
from gridrt.data.image import load_image
from gridrt.data.transform import Prepared, Transform, batch_of
from gridrt.errors import DataError, GraphError, ImageError
from gridrt.files import sha256_of
from gridrt.formatting import format_count
from gridrt.graph.graph import Graph
from gridrt.graph.wiring import wiring_of
from gridrt.pipeline import Workers
from gridrt.runtime.in_memory import ObservedSession, session_of_graph
from gridrt.types import UInt8Array
from gridrt.unchanged import unchanged

GRID_BRANCH = "roi_head.grid_head"
"""Module whose nodes run on detections; for an image without any they run on one row of zeros."""

LISTED = 10
"""At most so many more images that cannot be read are named."""

SAVE_SECONDS = 10.0
"""An interrupted calibration loses at most this much work, and the image that it was at."""


class Observation(NamedTuple):
    """What a calibration saw.

    Attributes:
        observers: of each activation, by its name.
        images: those that could be read.
    """

    observers: Mapping[str, Observer]
    images: Sequence[Path]


def observed_activations(graph: GraphProto) -> list[str]:
    """The activations that any target quantises where a recipe plans INT8 everywhere."""
    wiring = wiring_of(graph)
    everywhere = frozenset(wiring.nodes)
    return sorted({tensor for target in TARGETS.values() for tensor in target.quantized_edges(wiring, everywhere)})


def observable_session(graph: Graph, threads: int | None = None) -> ObservedSession:
    """A session on the CPU that can also return the activations of a graph.

    Args:
        graph: of `gridrt export`, in FP32.
        threads: CPU threads; None means as many as the process may use.

    Raises:
        GraphError: it is not such a graph, or ONNX Runtime cannot open it.
    """
    return session_of_graph(graph, threads, observed_activations(graph.model.graph))


def observe(
    graph: Graph, session: ObservedSession, images: Sequence[Path], scale: tuple[int, int], cache: Path
) -> Observation:
    """Observe the activations of a graph on images, one image at a time, with a progress bar on a terminal.

    Images that cannot be read are left out, with one warning that names them.

    Args:
        graph: of `gridrt export`, in FP32.
        session: its `observable_session`.
        images: image files like those that the detector will see; equal ones count once.
        scale: most pixels on the long and on the short side of a resized image.
        cache: keeps what was observed; images that it has for this graph and scale are not run again.

    Raises:
        DataError: there are no images, fewer than half can be read, or the detector finds no object in any.
        GraphError: the graph cannot be run on an image, such as for want of memory, or an activation is not finite.
        OutputError: the cache cannot be written.
    """
    if not images:
        raise DataError("calibration must have at least one image", place="`images`")
    digests, failed = _digests(images)
    hashes = dict[str, Path]()
    for path, digest in digests.items():
        hashes.setdefault(digest, path)  # of copies the first
    state = read_cache(cache, Key(graph.sha256, scale, session.observed), hashes)
    waiting = {digest: path for digest, path in hashes.items() if digest not in state.seen}
    if waiting:
        of_grid = (node for node in graph.model.graph.node if node.name.startswith(GRID_BRANCH))
        on_grid = {tensor for node in of_grid for tensor in (*node.input, *node.output)}
        failed += _observe_all(session, Transform(scale), waiting, state, on_grid, cache)
    readable = [path for path, digest in digests.items() if digest in state.seen]
    _check_enough(images, readable, failed)
    if not state.detections:
        raise DataError(
            "calibration images must show objects that the detector finds, else the grid branch never runs",
            place=images[0].parent,
            value=f"no detection in {len(hashes)} images",
            remedy="Take images like those that the detector is for.",
        )
    return Observation(state.observers, readable)


def _digests(images: Sequence[Path]) -> tuple[dict[Path, str], list[ImageError]]:
    """SHA-256 of the images, and the errors of those that cannot be read."""
    digests, failed = {}, []
    for path in images:
        try:
            digests[path] = sha256_of(path)
        except OSError as error:  # noqa: PERF203 - one bad file does not stop the others
            failed.append(ImageError("cannot read the image", place=path, value=error.strerror))
    return digests, failed


def _check_enough(images: Sequence[Path], readable: Sequence[Path], failed: Sequence[ImageError]) -> None:
    """Warn of images that cannot be read.

    Args:
        images: all of them.
        readable: among these.
        failed: why the others cannot be read; copies of an image share an error.

    Raises:
        DataError: fewer than half can be read.
    """
    if not failed:
        return
    others = [str(path) for path in images if path not in readable and str(path) != str(failed[0].place)]
    found = f"{len(images) - len(readable)} of {format_count(len(images), 'image')} cannot be read: {failed[0]}"
    found += f"; also {', '.join(others[:LISTED])}{', ...' if len(others) > LISTED else ''}" if others else ""
    if 2 * len(readable) < len(images):
        raise DataError("at least half of the calibration images must be readable", place=images[0].parent, value=found)
    warnings.warn(f"calibration leaves out images: {found}", stacklevel=3)


def _image_of(path: Path, digest: str) -> UInt8Array:
    """The image, if its file is still the one that was hashed; raises ImageError otherwise."""
    with unchanged([path], ImageError):
        if sha256_of(path) != digest:
            raise ImageError("the image must stay as it was at the start", place=path, remedy="Run it again.")
        return load_image(path)


def _observe_all(
    session: ObservedSession,
    transform: Transform,
    images: dict[str, Path],
    state: CalibrationCache,
    on_grid: set[str],
    cache: Path,
) -> list[ImageError]:
    """Add images, by their hashes, to `state`, and write it to `cache` now and then and at the end.

    Returns:
        The errors of images that cannot be read.
    """

    def read(job: tuple[str, Path]) -> Prepared | ImageError:
        try:
            return transform.prepare(_image_of(job[1], job[0]))
        except ImageError as error:
            return error

    failed = []
    saved = time.monotonic()
    with Workers() as workers, tqdm(total=len(images), desc="calibrating", unit="image", disable=None) as bar:
        for (digest, path), prepared in workers.read_ahead(images.items(), read, 2 * workers.count, _size):
            if isinstance(prepared, ImageError):
                failed.append(prepared)
            else:
                _observe_one(session, prepared, path, state, on_grid, cache)
                state.seen.append(digest)
            if time.monotonic() - saved > SAVE_SECONDS:
                write_cache(cache, state)
                saved = time.monotonic()
            bar.update()
    write_cache(cache, state)
    return failed


def _size(prepared: Prepared | ImageError) -> int:
    return 0 if isinstance(prepared, ImageError) else prepared.pixels.nbytes


def _observe_one(
    session: ObservedSession, image: Prepared, path: Path, state: CalibrationCache, on_grid: set[str], cache: Path
) -> None:
    """Add an image to `state`; where the graph cannot be run on it, `state` goes to `cache` before the error."""
    batch = batch_of([image])
    try:
        raw, activations = session.run_observed(batch.images, batch.image_sizes)
    except GraphError as error:
        write_cache(cache, state)
        raise GraphError("ONNX Runtime cannot run the graph on this image", place=path, value=error.value) from error
    detections = int((raw.labels >= 0).sum())
    for name, values in zip(session.observed, activations, strict=True):
        if detections or name not in on_grid:
            state.observers[name].see(values)
    state.detections += detections
