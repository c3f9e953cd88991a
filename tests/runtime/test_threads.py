"""Eight threads that share a detector get what one gets alone.

Of the backends for GPUs, whose batches take turns, the tests of their sessions look.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from gridrt.api import open_detector
from gridrt.data.synthetic.scene import draw_scene
from gridrt.data.transform import Batch
from gridrt.detector import Detector
from gridrt.errors import NonFiniteError
from gridrt.types import Detections, UInt8Array
from tests.fakes import FakeSession

THREADS = 8


@pytest.fixture(scope="module")
def images() -> Sequence[UInt8Array]:
    """Of different sizes, so that different canvases are in work at the same time."""
    sizes = [(96, 128), (128, 96), (64, 160), (120, 120)] * 2
    return [draw_scene(np.random.default_rng(seed), *size).image for seed, size in enumerate(sizes)]


def in_threads(detector: Detector, images: Sequence[UInt8Array]) -> list[Detections]:
    together = Barrier(THREADS)

    def every_eighth(first: int) -> list[Detections]:
        together.wait()
        return [detector([image])[0] for image in images[first::THREADS]]

    with ThreadPoolExecutor(THREADS) as threads:
        shares = list(threads.map(every_eighth, range(THREADS)))
    return [shares[index % THREADS][index // THREADS] for index in range(len(images))]


@pytest.mark.parametrize(
    ("backend", "tile"), [("pytorch", None), ("onnxruntime", None), ("onnxruntime", 96), ("openvino", None)]
)
def test_threads_get_what_one_gets_alone(
    backend: str, tile: int | None, images: Sequence[UInt8Array], tiny_synthetic_file: Path
) -> None:
    model = "tiny_synthetic" if backend == "pytorch" else tiny_synthetic_file
    detector = open_detector(model, (160, 128), backend=backend, threads=1, tile=tile)
    alone = [detector([image])[0] for image in images]

    together = in_threads(detector, images)

    assert sum(map(len, alone)) > len(images)
    for found, expected in zip(together, alone, strict=True):
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)
        np.testing.assert_array_equal(found.labels, expected.labels)


def test_no_thread_takes_an_overflow_for_an_image_without_objects(images: Sequence[UInt8Array]) -> None:
    """The stages are looked at once, by one thread; the others must not go on before it has found the overflow."""
    started = Barrier(2)
    asked: list[Batch] = []

    def find_stage(batch: Batch) -> str:
        asked.append(batch)
        started.wait()
        return "fpn"

    detector = Detector(FakeSession(rows=[]), (160, 128), find_stage)

    def detect(image: UInt8Array) -> list[Detections]:
        return detector([image])

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(detect, images[0])
        while not asked:
            pass
        second = threads.submit(detect, images[1])
        started.wait()
        for outcome in (first, second):
            with pytest.raises(NonFiniteError):
                outcome.result()
    assert len(asked) == 1
