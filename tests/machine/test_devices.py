from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gridrt.machine.devices import Gpu, find_cpu, find_gpus

TWO_CORES = """\
processor\t: 0
model name\t: Some Server CPU @ 2.00GHz
flags\t\t: fpu sse2 avx2 avx512f avx512_vnni amx_int8

processor\t: 1
model name\t: Another
flags\t\t: fpu
"""
ONE_ARM_CORE = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n"


def test_the_cpu_is_that_of_the_first_core(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(TWO_CORES)

    cpu = find_cpu(tmp_path / "cpuinfo")

    assert cpu.name == "Some Server CPU @ 2.00GHz"
    assert cpu.instruction_sets == ("avx2", "avx512f", "avx512_vnni", "amx_int8")


def test_an_arm_cpu_has_features_and_no_name(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(ONE_ARM_CORE)

    cpu = find_cpu(tmp_path / "cpuinfo")

    assert cpu.name
    assert cpu.instruction_sets == ("asimd", "asimddp", "i8mm")


def test_a_system_that_does_not_describe_its_cpu(tmp_path: Path) -> None:
    cpu = find_cpu(tmp_path / "missing")

    assert cpu.name
    assert 1 <= cpu.cores <= (os.cpu_count() or 1)
    assert cpu.instruction_sets == ()


def put_nvidia_smi(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_gpus_are_those_that_nvidia_smi_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "NVIDIA H100 80GB HBM3, 81559, 9.0, 580.95.05\\nNVIDIA L4, 23034, 8.9, 580.95.05"
    put_nvidia_smi(tmp_path, f'printf "{lines}\\n"', monkeypatch)

    expected = [Gpu("NVIDIA H100 80GB HBM3", 81559, "9.0", "580.95.05"), Gpu("NVIDIA L4", 23034, "8.9", "580.95.05")]
    assert find_gpus() == expected


@pytest.mark.parametrize("body", ["echo 'No devices were found'", "echo 'driver mismatch' >&2; exit 18"])
def test_an_nvidia_smi_that_fails_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    put_nvidia_smi(tmp_path, body, monkeypatch)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)

    assert find_gpus() == []


def test_torch_is_asked_where_there_is_no_nvidia_smi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    properties = SimpleNamespace(name="NVIDIA L4", total_memory=22 << 30, major=8, minor=9)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)

    assert find_gpus() == [Gpu("NVIDIA L4", 22528, "8.9", "unknown")]
