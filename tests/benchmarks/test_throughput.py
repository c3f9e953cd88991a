from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from benchmarks import throughput
from gridrt.data.image import load_image, save_image
from tests.fakes import whole_image_graph


def test_what_needs_no_older_build_is_measured_on_a_small_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "MEMORY_EVERY", 0.001)
    onnx.save(whole_image_graph(input_rule='{"scale": [96, 64]}'), tmp_path / "model.onnx")
    for number in range(3):
        save_image(tmp_path / f"photos/{number}.jpg", np.full((48, 64, 3), 200, np.uint8))
    counts = ("--count", "5", "--instant", "4", "--memory", "20", "--rounds", "1")
    files = ("--images", str(tmp_path / "photos"), "--model", str(tmp_path / "model.onnx"))

    result = CliRunner().invoke(
        throughput.command, [*files, *counts, "--out", str(tmp_path / "out.json")], catch_exceptions=False
    )

    assert result.exit_code == 0
    written = json.loads((tmp_path / "out.json").read_text())
    assert list(written["figures"]) == ["a", "b", "memory"]
    assert all(rate > 0 for part in "ab" for rate in written["figures"][part].values())
    assert len(written["figures"]["memory"]) == 10
    assert written["conditions"]["count"] == 5


def test_synthetic_images_are_photographs_in_size(tmp_path: Path) -> None:
    files = throughput.noise(tmp_path / "noise", 3)

    assert [load_image(file).shape for file in files] == [(480, 640, 3)] * 3
    assert all(30_000 < file.stat().st_size < 400_000 for file in files)


def test_an_older_build_gets_the_same_images_and_writes_copies(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n')
    old.chmod(0o755)

    seconds = throughput.run_of([str(old)], "a.onnx", "onnxruntime", tmp_path)()

    assert seconds > 0
    given = (tmp_path / "arguments").read_text().split()
    assert given[:2] == ["detect", str(tmp_path / "images")]
    assert {"--out", "--json", "--backend", "onnxruntime", str(Path("a.onnx").resolve())} <= set(given)
