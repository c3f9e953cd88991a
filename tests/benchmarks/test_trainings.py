from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import trainings
from benchmarks.training_sets import SETS
from gridrt.data.synthetic import write_synthetic
from gridrt.files import sha256_of
from gridrt.model.checkpoint import load_model

ROOT = Path(__file__).parents[2]


def synthetic(out: Path) -> Path:
    write_synthetic(out / "synthetic", train_images=4, val_images=2, size=(96, 64))
    return out / "synthetic"


def test_a_failed_training_ends_with_its_line_and_its_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.trainings", "bccd", "tiny", "--out", str(tmp_path / "run")]
    nowhere = {**os.environ, "GRIDRT_DATA": str(tmp_path / "nowhere")}

    done = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}/nowhere/bccd/images: this must be a folder")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_weights_are_trained_rounded_measured_and_put_where_they_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(SETS["synthetic"], find=synthetic, scale=(96, 64), epochs=1)
    monkeypatch.setattr(trainings, "SETS", {"synthetic": recipe})
    shipped = tmp_path / "weights" / "tiny_synthetic.pth"
    monkeypatch.setattr(trainings, "SHIPPED", {"tiny_synthetic": shipped})
    (tmp_path / "results").mkdir()
    arguments = ["synthetic", "tiny", "--out", str(tmp_path / "run"), "--results", str(tmp_path / "results"), "--ship"]

    answer = CliRunner().invoke(trainings.command, arguments, catch_exceptions=False)

    assert answer.exit_code == 0
    measured = json.loads((tmp_path / "results/training_synthetic_tiny.json").read_text())
    assert (measured["iterations"], measured["epochs"], measured["images"]) == (1, 1, 2)
    assert measured["sha256"] == sha256_of(shipped)
    assert measured["sha256"] in shipped.with_suffix(".md").read_text()
    assert json.loads(shipped.with_suffix(".jsonl").read_text().splitlines()[-1])["iteration"] == 1
    assert load_model(shipped).scale == (96, 64)
    assert str(tmp_path) not in json.dumps(measured)
