"""A real server, real clients, and the numbers of the detector."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.triton import BROKEN_EVERY, RELOADS, measure
from benchmarks.triton_server import NoServerError, prepared_back_ends

pytestmark = pytest.mark.slow
SIZES = [(64, 96), (96, 64), (80, 80), (50, 120), (120, 50), (33, 47)]


def test_a_server_gives_the_boxes_of_the_detector_and_loses_nothing_while_images_break_and_the_model_is_replaced(
    tiny_bccd_file: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
    try:
        prepared_back_ends(tmp_path)
    except NoServerError as reason:
        pytest.skip(str(reason))
    write_images(tmp_path / "pictures")

    checks, load, sizes = measure(str(tiny_bccd_file), tmp_path / "pictures", tmp_path, 6, 4, 10, 1)

    assert [(each.images, each.refused) for each in checks] == [(6, 0), (6, 0)]
    assert sizes == len(SIZES)
    assert (load.lost, load.first_lost, load.reloads) == (0, "", RELOADS)
    assert load.refused == load.requests // BROKEN_EVERY


def write_images(folder: Path) -> None:
    import numpy as np

    from gridrt.data.image import save_image

    folder.mkdir()
    pixels = np.random.default_rng(0)
    for number, (height, width) in enumerate(SIZES):
        save_image(folder / f"{number}.png", pixels.integers(0, 256, (height, width, 3), np.uint8))
