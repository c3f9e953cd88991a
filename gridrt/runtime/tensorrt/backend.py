"""Engines, run by the TensorRT that built them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.files import head_of
from gridrt.machine.packages import probe_package
from gridrt.runtime.backend import (
    Availability,
    Backend,
    EndToEndOnlyError,
    Session,
    SessionOptions,
    Summary,
    TritonModel,
)
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.pytorch.backend import torch_cuda_problem
from gridrt.types import Int32Array, UInt8Array

if TYPE_CHECKING:  # PyTorch takes a second to import
    from gridrt.runtime.peaks import Peaks
    from gridrt.runtime.stage_runner import StageRunner
    from gridrt.runtime.tensorrt.library import RuntimeName
    from gridrt.stages import StageTimes

MAGIC = b"ftrt"


class TensorRTBackend(Backend):
    """Every shape of an engine is static: it works on all detection rows, used or not."""

    name = "tensorrt"
    title = "TensorRT"
    suffixes = (".engine", ".plan")
    companions = (".json",)  # the manifest
    portable = False
    static_shapes = True

    def opens(self, path: Path) -> bool:
        """Whether the file begins as engines of TensorRT do, or the manifest beside it is its own (that of RTX)."""
        from gridrt.errors import EngineError
        from gridrt.runtime.tensorrt.manifest import manifest_file, read_manifest

        if head_of(path).startswith(MAGIC):
            return True
        try:
            return manifest_file(path).is_file() and bool(read_manifest(path))
        except EngineError:
            return False

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:  # noqa: ARG002 - it needs none
        """See `Backend.info`; by the manifest."""
        from gridrt.runtime.tensorrt.manifest import engine_info, read_manifest

        return engine_info(read_manifest(path), path)

    def open(self, path: Path, options: SessionOptions) -> Session:  # noqa: ARG002 - the same
        """See `Backend.open`."""
        from gridrt.runtime.tensorrt.session import TensorRTSession

        return TensorRTSession(path)

    def probe(self) -> list[Availability]:
        """See `Backend.probe`; one row for each library."""
        return [_availability("TensorRT", "tensorrt"), _availability("TensorRT for RTX", "tensorrt-rtx-cu13")]

    def summary(self, path: Path, options: SessionOptions) -> Summary:  # noqa: ARG002 - the same
        """See `Backend.summary`."""
        from gridrt.runtime.tensorrt.summary import engine_summary

        return engine_summary(path)

    def stage_times(
        self, session: Session, images: UInt8Array, image_sizes: Int32Array, *, warm_up: int, runs: int
    ) -> StageTimes | None:
        """See `Backend.stage_times`."""
        from gridrt.runtime.tensorrt.session import TensorRTSession
        from gridrt.runtime.tensorrt.stage_times import engine_stage_times

        assert isinstance(session, TensorRTSession)  # noqa: S101 - opened by this backend
        return engine_stage_times(session, images, image_sizes, warm_up=warm_up, runs=runs)

    def stage_runner(self, path: Path, options: SessionOptions) -> StageRunner:
        """See `Backend.stage_runner`; an engine cannot be taken apart."""
        from gridrt.files import sha256_of
        from gridrt.runtime.tensorrt.manifest import read_manifest

        del options
        graph = read_manifest(path).graph
        source = path.with_name(str(graph["file"]))
        is_there = source.is_file() and sha256_of(source) == graph["sha256"]
        remedy = f"Compare stages on its ONNX graph: {source}." if is_there else "Compare stages on its ONNX graph."
        raise EndToEndOnlyError(
            "cannot run single stages: engines expose only final outputs", place=path, remedy=remedy
        )

    def triton_model(self, path: Path) -> TritonModel | None:
        """See `Backend.triton_model`; None for an engine of TensorRT for RTX, or with plugins in Python."""
        from gridrt.runtime.tensorrt.manifest import read_manifest
        from gridrt.runtime.tensorrt.triton import engine_in_triton

        return engine_in_triton(read_manifest(path), path)

    def peaks(self, session: Session) -> Peaks | None:
        """See `Backend.peaks`."""
        import torch

        from gridrt.runtime.peaks import measured_peaks

        dtype = torch.float32 if session.info.precision == "fp32" else torch.float16
        return measured_peaks(torch.device("cuda"), dtype) if torch.cuda.is_available() else None


def _availability(title: str, package_name: str) -> Availability:
    from gridrt.machine.devices import find_gpus
    from gridrt.runtime.tensorrt.compatibility import SERVED, serves

    package, pycuda = probe_package(package_name), probe_package("pycuda")
    gpus = find_gpus()
    if not gpus:
        builds = "; it builds engines here" if package.usable and package_name == "tensorrt-rtx-cu13" else ""
        return Availability(title, f"no CUDA GPU found{builds}")
    if not package.usable:
        return Availability(title, f"{package.name}: {package.problem}", package.remedy)
    runtime: RuntimeName = "tensorrt" if package_name == "tensorrt" else "tensorrt-rtx"
    if not serves(runtime, capability := gpus[0].compute_capability):
        others = " and ".join(name for name in SERVED if serves(name, capability)) or "no other"
        known = ", ".join(SERVED[runtime])
        found = f"no kernels for compute capability {capability}; it serves {known}; this GPU is served by {others}"
        return Availability(title, found)
    if pycuda.usable or torch_cuda_problem() is None:
        return Availability(title)
    return Availability(title, "neither PyTorch nor PyCUDA can use the GPU, for its memory", pycuda.remedy)


BACKEND = TensorRTBackend()
