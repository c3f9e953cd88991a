"""Reports are on the disk row by row, and say what they depend on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner

from benchmarks import gpu_conditions as conditions_module
from benchmarks import gpu_report
from benchmarks.gpu_conditions import STATE, gpu_conditions, gpu_state, tensorrt_here
from benchmarks.gpu_report import LONGEST_REASON, Report, read_report, run_part
from gridrt.errors import DependencyError
from gridrt.machine.devices import Gpu


def test_each_row_is_written_when_it_comes(tmp_path: Path) -> None:
    out = tmp_path / "gpu_x.json"
    report = Report(out, {"gpus": []})
    assert read_report(out) == ([], {"gpus": []})

    report.add("a", "1 ms", milliseconds=1)
    assert read_report(out)[0] == [{"what": "a", "result": "1 ms", "milliseconds": 1}]
    assert not report.has_problems

    with report.attempt("b"):
        raise ValueError("first line\n  second " + "x" * 1000)
    with report.attempt("c"):
        raise DependencyError("c is missing", place="here")
    reasons = [row["problem"] for row in read_report(out)[0][1:]]
    assert reasons[0].startswith("ValueError: first line second xxx")
    assert len(reasons[0]) == LONGEST_REASON
    assert reasons[1] == "here: c is missing"
    assert report.has_problems


def test_no_report_is_no_rows(tmp_path: Path) -> None:
    assert read_report(tmp_path / "none.json") == ([], {})


@pytest.mark.parametrize(("problem", "code"), [(False, 0), (True, 1)])
def test_a_part_ends_with_1_if_it_has_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, problem: bool, code: int
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu_report, "gpu_conditions", lambda: {"gpus": ["stand-in"]})
    out = tmp_path / "gpu_x.json"

    def measure(report: Report) -> None:
        report.add("a", "1 ms")
        if problem:
            report.problem("b", "none")

    part = click.command(lambda: run_part(out, measure, runs=3))

    assert CliRunner().invoke(part).exit_code == code
    assert read_report(out)[1] == {"gpus": ["stand-in"], "runs": 3}


def test_an_unexpected_error_is_a_row_with_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu_report, "gpu_conditions", dict)
    out = tmp_path / "gpu_x.json"

    def out_of_tune(report: Report) -> None:
        report.add("a", "1 ms")
        raise RuntimeError("out of tune")

    assert CliRunner().invoke(click.command(lambda: run_part(out, out_of_tune))).exit_code == 1
    row = read_report(out)[0][1]
    assert (row["what"], row["problem"]) == ("gpu_x", "RuntimeError: out of tune")
    assert any("in out_of_tune" in line for line in row["traceback"])


def test_a_part_without_a_gpu_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "gpu_x.json"

    answer = CliRunner().invoke(click.command(lambda: run_part(out, lambda _: None)))

    assert answer.exit_code == 1
    assert "cannot use an NVIDIA GPU" in answer.stderr
    assert not out.exists()


def test_conditions_hold_gpu_driver_clocks_versions_and_date(monkeypatch: pytest.MonkeyPatch) -> None:
    found = gpu_conditions()

    assert json.loads(json.dumps(found)) == found
    assert {"gpus", "clocks", "cuda_of_torch", "cudnn", "tensorrt", "cpu", "versions"} <= found.keys()
    assert datetime.fromisoformat(found["date"]).tzinfo is not None
    # pip includes or leaves out the label of a build, as in 2.13.0+cu130.
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["versions"]["torchvision"] is None or isinstance(found["versions"]["torchvision"], str)

    def none_loads(name: str) -> None:
        raise DependencyError("cannot load", value=f"no {name} here")

    monkeypatch.setattr(conditions_module, "load_tensorrt", none_loads)
    assert "no tensorrt here" in gpu_conditions()["tensorrt"]
    with pytest.raises(DependencyError) as caught:
        tensorrt_here()
    assert str(caught.value.value).endswith("tensorrt-rtx: no tensorrt-rtx here")


def test_clocks_are_those_that_nvidia_smi_gives_for_the_first_gpu() -> None:
    def two_gpus(arguments: Sequence[str]) -> str:
        assert arguments[0] == f"--query-gpu={','.join(STATE)}"
        return (
            "1755 MHz, 1980 MHz, 2619 MHz, 2619 MHz, 80 W, 700 W, 31\n345 MHz, 1980 MHz, 9 MHz, 9 MHz, 7 W, 9 W, 30\n"
        )

    state = gpu_state(two_gpus)

    assert (state["clocks.sm"], state["temperature.gpu"]) == ("1755 MHz", "31")  # type: ignore[index]


@pytest.mark.parametrize("error", [FileNotFoundError("no nvidia-smi"), subprocess.TimeoutExpired("nvidia-smi", 30)])
def test_without_nvidia_smi_the_reason_stands_in_place_of_clocks(error: Exception) -> None:
    def fails(_: Sequence[str]) -> str:
        raise error

    assert str(gpu_state(fails)).startswith("not known: ")


def test_a_tensorrt_without_kernels_for_the_gpu_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_rtx(name: str) -> str:
        if name == "tensorrt":
            raise DependencyError("cannot load", value="not installed")
        return name

    monkeypatch.setattr(conditions_module, "load_tensorrt", only_rtx)
    for capability, taken in (("8.9", True), ("9.0", False)):
        gpu = Gpu("a GPU", 1, capability, "580")
        monkeypatch.setattr(conditions_module, "find_gpus", lambda found=gpu: [found])
        if taken:
            assert str(tensorrt_here()) == "tensorrt-rtx"
        else:
            with pytest.raises(DependencyError) as caught:
                tensorrt_here()
            assert str(caught.value.value).endswith("9.0")
