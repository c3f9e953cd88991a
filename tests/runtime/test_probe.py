"""What each backend says of this machine: a package that is missing, a device that is missing, or that it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import onnxruntime
import pytest
import torch

from gridrt.machine import devices, packages
from gridrt.machine.devices import Gpu
from gridrt.runtime.backend import backend_named

GPU = Gpu("NVIDIA H200", 143771, "9.0", "580.65")
WORKSTATION = Gpu("NVIDIA RTX 4000 Ada", 20475, "8.9", "580.65")
TENSORRT = ("tensorrt", "tensorrt_rtx")


def machine(
    monkeypatch: pytest.MonkeyPatch,
    *,
    without: Sequence[str] = (),
    installed: Sequence[str] = (),
    gpu: bool | Gpu = True,
    cuda: bool = True,
) -> None:
    """A machine without some packages and with stand-ins of others, with a GPU or not, and builds for CUDA or not."""
    for module in without:
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.setattr(packages, "_onnxruntime_builds", list)
    for module in installed:
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(__version__="1.0"))
    found = gpu if isinstance(gpu, Gpu) else GPU
    monkeypatch.setattr(devices, "find_gpus", lambda: [found] if gpu else [])
    monkeypatch.setattr(torch.version, "cuda", "13.0" if cuda else None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(gpu) and cuda)
    providers = [*(["CUDAExecutionProvider"] if cuda else []), "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)


def probed(backend: str) -> dict[str, tuple[str, str]]:
    return {row.name: (row.problem, row.remedy) for row in backend_named(backend).probe()}


RUNS = ("", "")
NO_GPU = ("no CUDA GPU found", "")


def missing(package: str) -> tuple[str, str]:
    return f"{package}: not installed", f"pip install {package}"


@pytest.mark.parametrize(
    ("backend", "without", "rows"),
    [
        ("pytorch", ["torch"], {"PyTorch, CPU": missing("torch"), "PyTorch, CUDA": missing("torch")}),
        ("pytorch_cuda", ["torch"], {"PyTorch kernels, CUDA": missing("torch")}),
        (
            "onnxruntime",
            ["onnxruntime"],
            {"ONNX Runtime, CPU": missing("onnxruntime"), "ONNX Runtime, CUDA": missing("onnxruntime")},
        ),
        (
            "tensorrt",
            TENSORRT,
            {"TensorRT": missing("tensorrt"), "TensorRT for RTX": missing("tensorrt-rtx-cu13")},
        ),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, backend: str, without: Sequence[str], rows: Mapping[str, tuple[str, str]]
) -> None:
    machine(monkeypatch, without=without)

    assert probed(backend) == rows


@pytest.mark.parametrize(
    ("backend", "rows"),
    [
        ("pytorch", {"PyTorch, CPU": RUNS, "PyTorch, CUDA": NO_GPU}),
        ("pytorch_cuda", {"PyTorch kernels, CUDA": NO_GPU}),
        ("onnxruntime", {"ONNX Runtime, CPU": RUNS, "ONNX Runtime, CUDA": NO_GPU}),
        (
            "tensorrt",
            {"TensorRT": NO_GPU, "TensorRT for RTX": ("no CUDA GPU found; it builds engines here", "")},
        ),
    ],
)
def test_without_a_gpu_the_cpu_is_left(
    monkeypatch: pytest.MonkeyPatch, backend: str, rows: Mapping[str, tuple[str, str]]
) -> None:
    machine(monkeypatch, installed=TENSORRT, gpu=False)

    assert probed(backend) == rows


@pytest.mark.parametrize(
    ("backend", "rows"),
    [
        ("pytorch", ["PyTorch, CPU", "PyTorch, CUDA"]),
        ("pytorch_cuda", ["PyTorch kernels, CUDA"]),
        ("onnxruntime", ["ONNX Runtime, CPU", "ONNX Runtime, CUDA"]),
        ("tensorrt", ["TensorRT", "TensorRT for RTX"]),
    ],
)
def test_with_package_and_gpu_all_run(monkeypatch: pytest.MonkeyPatch, backend: str, rows: Sequence[str]) -> None:
    machine(monkeypatch, installed=TENSORRT, gpu=WORKSTATION)

    assert probed(backend) == dict.fromkeys(rows, RUNS)
    assert all(row.runs for row in backend_named(backend).probe())


@pytest.mark.parametrize(
    ("backend", "row", "installs"),
    [
        ("pytorch", "PyTorch, CUDA", "torch=="),
        ("pytorch_cuda", "PyTorch kernels, CUDA", "torch=="),
        ("onnxruntime", "ONNX Runtime, CUDA", "onnxruntime-gpu"),
    ],
)
def test_a_build_without_cuda_is_replaced_by_one_with_it(
    monkeypatch: pytest.MonkeyPatch, backend: str, row: str, installs: str
) -> None:
    machine(monkeypatch, cuda=False)

    problem, remedy = probed(backend)[row]
    assert "built without CUDA" in problem
    assert "pip install" in remedy
    assert installs in remedy


def test_a_driver_that_torch_cannot_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert "cannot use the driver" in probed("pytorch")["PyTorch, CUDA"][0]


def test_tensorrt_takes_pycuda_where_torch_cannot_use_the_gpu_and_else_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, installed=TENSORRT, without=["torch", "pycuda"])
    assert probed("tensorrt")["TensorRT"] == (
        "neither PyTorch nor PyCUDA can use the GPU, for its memory",
        "pip install pycuda",
    )

    machine(monkeypatch, installed=[*TENSORRT, "pycuda", "pycuda.driver"])
    assert probed("tensorrt")["TensorRT"] == RUNS


@pytest.mark.parametrize(
    ("gpu", "row", "capability", "by"),
    [
        (GPU, "TensorRT for RTX", "9.0", "served by tensorrt"),
        (Gpu("an old GPU", 8192, "6.1", "580.65"), "TensorRT", "6.1", "served by no other"),
    ],
)
def test_a_runtime_without_kernels_for_the_gpu_is_told_with_the_one_that_serves_it(
    monkeypatch: pytest.MonkeyPatch, gpu: Gpu, row: str, capability: str, by: str
) -> None:
    machine(monkeypatch, installed=TENSORRT, gpu=gpu)

    problem, _ = probed("tensorrt")[row]
    assert f"compute capability {capability}" in problem
    assert problem.endswith(by)
