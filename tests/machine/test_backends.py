from __future__ import annotations

import onnxruntime
import pytest
import torch

from gridrt.machine.backends import Backend, find_backends
from gridrt.machine.devices import Gpu
from gridrt.machine.packages import Package

GPU = Gpu("NVIDIA L4", 23034, "8.9", "580.95.05")


def packages_with(*missing: str) -> dict[str, Package]:
    """Every package that a backend needs; those named are missing."""
    names = ["torch", "onnxruntime", "tensorrt", "tensorrt-rtx-cu13", "pycuda"]
    return {
        name: Package(name, False, None, "not installed", f"pip install {name}")
        if name in missing
        else Package(name, False, "1.0", "", "")
        for name in names
    }


def backend(name: str, packages: dict[str, Package], gpus: list[Gpu]) -> Backend:
    return {found.name: found for found in find_backends(packages, gpus)}[name]


def test_without_a_gpu_the_cpu_backends_run_and_no_other() -> None:
    found = find_backends(packages_with(), [])

    assert [each.name for each in found if each.runs] == ["PyTorch, CPU", "ONNX Runtime, CPU"]
    assert {(each.problem, each.remedy) for each in found[2:5]} == {("no CUDA GPU found", "")}


@pytest.mark.parametrize(
    ("missing", "problem"),
    [((), "no CUDA GPU found; it builds engines here"), (("tensorrt-rtx-cu13",), "no CUDA GPU found")],
)
def test_without_a_gpu_tensorrt_for_rtx_still_builds(missing: tuple[str, ...], problem: str) -> None:
    assert backend("TensorRT for RTX", packages_with(*missing), []) == Backend("TensorRT for RTX", problem, "")


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("torch", "PyTorch, CPU"),
        ("torch", "PyTorch, CUDA"),
        ("onnxruntime", "ONNX Runtime, CPU"),
        ("onnxruntime", "ONNX Runtime, CUDA"),
        ("tensorrt", "TensorRT"),
        ("tensorrt-rtx-cu13", "TensorRT for RTX"),
    ],
)
def test_a_backend_without_its_package_tells_how_to_install_it(package: str, name: str) -> None:
    expected = Backend(name, f"{package}: not installed", f"pip install {package}")
    assert backend(name, packages_with(package), [GPU]) == expected


@pytest.mark.parametrize("name", ["TensorRT", "TensorRT for RTX"])
def test_tensorrt_runs_with_its_package_and_a_gpu(name: str) -> None:
    assert backend(name, packages_with(), [GPU]).runs


@pytest.mark.parametrize(
    ("missing", "torch_has_cuda", "runs"),
    [
        (("torch",), False, True),
        (("pycuda",), True, True),
        (("pycuda",), False, False),
        (("torch", "pycuda"), True, False),
    ],
)
def test_an_engine_takes_memory_of_pytorch_or_of_pycuda(
    monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], *, torch_has_cuda: bool, runs: bool
) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0" if torch_has_cuda else None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: torch_has_cuda)
    found = backend("TensorRT", packages_with(*missing), [GPU])
    assert (found.runs, found.remedy) == (runs, "" if runs else "pip install pycuda")


def test_torch_built_without_cuda_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch, "__version__", "2.13.0+cpu")

    found = backend("PyTorch, CUDA", packages_with(), [GPU])

    assert found.problem == "this torch is built without CUDA"
    assert "torch==2.13.0 --index-url https://download.pytorch.org/whl/cu" in found.remedy


@pytest.mark.parametrize(("available", "runs"), [(True, True), (False, False)])
def test_torch_built_with_cuda_runs_where_the_driver_lets_it(
    monkeypatch: pytest.MonkeyPatch, *, available: bool, runs: bool
) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)

    assert backend("PyTorch, CUDA", packages_with(), [GPU]).runs == runs


@pytest.mark.parametrize(
    ("providers", "runs"),
    [(["CUDAExecutionProvider", "CPUExecutionProvider"], True), (["CPUExecutionProvider"], False)],
)
def test_onnxruntime_runs_on_cuda_where_it_has_the_provider(
    monkeypatch: pytest.MonkeyPatch, providers: list[str], *, runs: bool
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)

    assert backend("ONNX Runtime, CUDA", packages_with(), [GPU]).runs == runs
