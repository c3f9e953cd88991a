"""An engine runs where there is no torch, with the packages that the docs list."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gridrt.data.image import save_image

LOADED_BY_CUDA_CORE = {"nvidia-cuda-nvrtc"}  # a library, which Python does not import


def test_an_engine_runs_without_torch_and_takes_the_packages_that_the_docs_list(
    write: Callable[..., Path], tmp_path: Path, root: Path
) -> None:
    script, picture = Path(__file__).with_name("torch_free.py"), tmp_path / "a.png"
    command: list[str | Path] = [sys.executable, script, write(), picture, tmp_path / "out"]
    save_image(picture, np.full((64, 96, 3), 255, np.uint8))
    environment = {**os.environ, "PYTHONPATH": str(root)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["labels"] == [1, 0]
    assert {*found["packages"], *LOADED_BY_CUDA_CORE} == listed_in((root / "docs/deploy/nvidia.md").read_text())


def listed_in(page: str) -> set[str]:
    """What the page tells to install after GridRT alone."""
    listed = re.search(r"pip install --no-deps \.\n *pip install (.*)", page)
    assert listed is not None
    for_older_pythons = {"tomli"} if sys.version_info < (3, 11) else set()
    assert "tomli" in page
    return set(listed[1].split()) | for_older_pythons
