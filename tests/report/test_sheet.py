from __future__ import annotations

import numpy as np

from gridrt.report.sheet import GAP, sheet


def test_images_are_laid_out_in_rows_on_white() -> None:
    images = [np.full((4, 6, 3), shade, np.uint8) for shade in (10, 20, 30)]

    paper = sheet(images, columns=2)

    assert paper.shape == (2 * 4 + 3 * GAP, 2 * 6 + 3 * GAP, 3)
    np.testing.assert_array_equal(paper[GAP : GAP + 4, GAP : GAP + 6], images[0])
    np.testing.assert_array_equal(paper[GAP : GAP + 4, 2 * GAP + 6 : 2 * GAP + 12], images[1])
    np.testing.assert_array_equal(paper[2 * GAP + 4 : 2 * GAP + 8, GAP : GAP + 6], images[2])
    assert (paper == 255).sum() == paper.size - 3 * images[0].size
