"""The exported file runs, and detects the same, in the oldest ONNX Runtime that has its opset."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gridrt.compare.differences import used_rows
from gridrt.data.synthetic.scene import draw_scene
from gridrt.data.transform import Transform
from gridrt.export.verify import BOX_TOLERANCE, SCORE_TOLERANCE
from gridrt.matched_detections import match_detections
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.types import RawDetections

OLDEST = "1.17.3"
RUN = """
import sys
import numpy as np
import onnxruntime
graph, feeds, outputs = sys.argv[1:]
session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
found = session.run(["boxes", "scores", "labels"], dict(np.load(feeds)))
np.savez(outputs, *found, version=onnxruntime.__version__)
"""


@pytest.fixture(scope="module")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the oldest ONNX Runtime, in an environment of its own."""
    folder = tmp_path_factory.mktemp("old")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", f"onnxruntime=={OLDEST}", "numpy<2"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot install onnxruntime {OLDEST} here: {done.stderr.strip().splitlines()[-1]}")
    return python


@pytest.mark.slow
def test_the_oldest_onnx_runtime_detects_the_same(old_python: Path, tiny_synthetic_file: Path, tmp_path: Path) -> None:
    batch = Transform((320, 256))([draw_scene(np.random.default_rng(0), 256, 320).image])
    feeds, outputs = tmp_path / "feeds.npz", tmp_path / "outputs.npz"
    np.savez(feeds, images=batch.images, image_sizes=batch.image_sizes)

    subprocess.run([old_python, "-c", RUN, tiny_synthetic_file, feeds, outputs], check=True)

    old = np.load(outputs)
    assert old["version"] == OLDEST
    expected = used_rows(OnnxRuntimeSession(tiny_synthetic_file, threads=1).run(batch.images, batch.image_sizes))
    found = used_rows(RawDetections(*(old[f"arr_{index}"] for index in range(3))))
    assert len(expected) > 3
    assert match_detections(expected, found).outside(BOX_TOLERANCE, SCORE_TOLERANCE) == 0
