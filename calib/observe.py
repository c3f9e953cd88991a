"""Run real images through the FP32 graph, with an observer at each activation that a target may quantise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from onnx import GraphProto
from tqdm import tqdm

from gridrt.calib.cache import CalibrationCache, Key, read_cache, write_cache
from gridrt.calib.observers import Observer
from gridrt.calib.targets import TARGETS
from gridrt.data.image import load_image
from gridrt.data.transform import Transform
from gridrt.errors import DataError, GraphError, GridRTError, ImageError
from gridrt.files import sha256_of
from gridrt.graph.graph import Graph
from gridrt.graph.wiring import wiring_of
from gridrt.runtime.in_memory import ObservedSession, session_of_graph

GRID_BRANCH = "roi_head.grid_head"
"""Module whose nodes run on detections; for an image without any they run on one row of zeros."""

SAVE_SECONDS = 10.0
"""An interrupted calibration loses at most this much work, and the image that it was at."""


def observed_activations(graph: GraphProto) -> list[str]:
    """The activations that any target quantises where a recipe plans INT8 everywhere."""
    wiring = wiring_of(graph)
    everywhere = frozenset(wiring.nodes)
    return sorted({tensor for target in TARGETS.values() for tensor in target.quantized_edges(wiring, everywhere)})


def observable_session(graph: Graph, threads: int | None = None) -> ObservedSession:
    """A session on the CPU that can also return the activations of a graph.

    Args:
        graph: of `gridrt export`, in FP32.
        threads: CPU threads; None means one for each physical core.

    Raises:
        GraphError: it is not such a graph, or ONNX Runtime cannot open it.
    """
    return session_of_graph(graph, threads, observed_activations(graph.model.graph))


def observe(
    graph: Graph, session: ObservedSession, images: Sequence[Path], scale: tuple[int, int], cache: Path
) -> dict[str, Observer]:
    """Observe the activations of a graph on images, one image at a time, with a progress bar on a terminal.

    Args:
        graph: of `gridrt export`, in FP32.
        session: its `observable_session`.
        images: image files like those that the detector will see; equal ones count once.
        scale: most pixels on the long and on the short side of a resized image.
        cache: keeps what was observed; images that it has for this graph and scale are not run again.

    Returns:
        An observer for each activation, by its name.

    Raises:
        DataError: there are no images, or the detector finds no object in any.
        GraphError: the graph cannot be run on an image, such as for want of memory, or an activation is not finite.
        ImageError: an image cannot be read.
        OutputError: the cache cannot be written.
    """
    if not images:
        raise DataError("calibration must have at least one image", place="--images")
    hashes = {_hash_of(path): path for path in images}
    state = read_cache(cache, Key(graph.sha256, scale, session.observed), hashes)
    waiting = {digest: path for digest, path in hashes.items() if digest not in state.seen}
    if waiting:
        of_grid = (node for node in graph.model.graph.node if node.name.startswith(GRID_BRANCH))
        on_grid = {tensor for node in of_grid for tensor in (*node.input, *node.output)}
        _observe_all(session, Transform(scale), waiting, state, on_grid, cache)
    if not state.detections:
        raise DataError(
            "calibration images must show objects that the detector finds, else the grid branch never runs",
            place=images[0].parent,
            value=f"no detection in {len(hashes)} images",
            remedy="Take images like those that the detector is for.",
        )
    return state.observers


def _hash_of(image: Path) -> str:
    try:
        return sha256_of(image)
    except OSError as error:
        raise ImageError("cannot read the image", place=image, value=error.strerror) from error


def _observe_all(
    session: ObservedSession,
    transform: Transform,
    images: dict[str, Path],
    state: CalibrationCache,
    on_grid: set[str],
    cache: Path,
) -> None:
    """Add images, by their hashes, to `state`, and write it to `cache` now and then and at the end."""
    saved = time.monotonic()
    for digest, path in tqdm(images.items(), "calibrating", unit="image", disable=None):
        try:
            batch = transform([load_image(path)])
            raw, activations = session.run_observed(batch.images, batch.image_sizes)
        except GridRTError as error:
            write_cache(cache, state)
            if isinstance(error, GraphError):
                raise GraphError(
                    "ONNX Runtime cannot run the graph on this image", place=path, value=error.value
                ) from error
            raise
        detections = int((raw.labels >= 0).sum())
        for name, values in zip(session.observed, activations, strict=True):
            if detections or name not in on_grid:
                state.observers[name].see(values)
        state.detections += detections
        state.seen.append(digest)
        if time.monotonic() - saved > SAVE_SECONDS:
            write_cache(cache, state)
            saved = time.monotonic()
    write_cache(cache, state)
