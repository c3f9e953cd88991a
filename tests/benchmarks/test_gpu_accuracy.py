"""AP of each session beside the reference's, and what may be lost; sessions and AP are stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

import gridrt.eval
from benchmarks import gpu_accuracy, gpu_images
from benchmarks.gpu_accuracy import REFERENCE, SESSIONS, measure
from benchmarks.gpu_report import Report, read_report
from gridrt.eval import AveragePrecision, Metrics
from gridrt.runtime.pytorch.session import TorchSession


def test_what_float16_loses_beyond_a_tenth_of_a_point_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRT_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(gpu_images, "SYNTHETIC", 1)
    aps = iter((0.500, 0.4985, 0.4995))
    monkeypatch.setattr(gpu_accuracy, "SESSIONS", dict.fromkeys(SESSIONS, lambda model: TorchSession(model, "cpu")))
    monkeypatch.setattr(gridrt.eval, "evaluate", lambda *_: Metrics(1, AveragePrecision(1, *[next(aps)] * 8), {}))

    measure(tmp_path, Report(tmp_path / "gpu_accuracy.json", {}))

    rows = read_report(tmp_path / "gpu_accuracy.json")[0]
    assert rows[0]["weights"] == "tiny_synthetic.pth"
    problems = [row for row in rows if "problem" in row]
    assert [row["what"] for row in problems] == ["PyTorch fp16, kernels"]
    assert "0.15 below" in problems[0]["problem"]
    assert {row["what"] for row in rows[1:] if "result" in row} == {f"{name}, AP" for name in SESSIONS}


def test_the_reference_comes_first_and_the_kernels_are_measured_in_both_precisions() -> None:
    assert next(iter(SESSIONS)) == REFERENCE
    assert {"PyTorch fp16, kernels", "PyTorch fp32, kernels"} < SESSIONS.keys()
