"""The images that accuracy is measured on, on a GPU: photographs where they are, else synthetic ones.

It imports no pycocotools: `find_set` gives folders.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.gpu_preflight import photographs

SYNTHETIC = 64
"""Images to train and to evaluate on, each, if there are no photographs."""


def find_set(folder: Path) -> tuple[str, Path, str]:
    """Name and folder of the set, and why it is this one; a synthetic set is written to `folder`."""
    if (root := photographs(os.environ)) is not None:
        return "bccd", root, "photographs"
    from gridrt.data.synthetic import write_synthetic

    synthetic = folder / "synthetic"
    write_synthetic(synthetic, train_images=SYNTHETIC, val_images=SYNTHETIC)
    return "synthetic", synthetic, "no photographs in bccd/ of the folder that GRIDRT_DATA names"
