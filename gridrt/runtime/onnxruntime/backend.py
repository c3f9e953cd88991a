"""ONNX graphs, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.machine.packages import only_onnxruntime, probe_package
from gridrt.runtime.backend import Availability, Session, SessionOptions, TritonModel
from gridrt.runtime.graph_backend import GraphBackend
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, UInt8Array

if TYPE_CHECKING:  # PyTorch takes a second to import
    from gridrt.runtime.peaks import Peaks
    from gridrt.runtime.stage_runner import StageRunner
    from gridrt.stages import StageTimes


class OnnxRuntimeBackend(GraphBackend):
    """Any precision that the graph is written in; a CPU computes FP16 in FP32."""

    name = "onnxruntime"
    title = "ONNX Runtime"

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:  # noqa: ARG002 - it needs none
        """See `Backend.info`."""
        from gridrt.graph.graph import load_graph
        from gridrt.runtime.graph_info import graph_info
        from gridrt.runtime.onnxruntime.session import library

        return graph_info(load_graph(path, external_data=False).model, path, library())

    def open(self, path: Path, options: SessionOptions) -> Session:
        """See `Backend.open`."""
        from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession, providers_for

        return OnnxRuntimeSession(path, providers_for(options.device), options.threads)

    def probe(self) -> Iterator[Availability]:
        """See `Backend.probe`."""
        package = probe_package("onnxruntime")
        missing = () if package.usable else (f"onnxruntime: {package.problem}", package.remedy)
        yield Availability("ONNX Runtime, CPU", *missing)
        # Looking for a GPU imports PyTorch or starts a process.
        yield Availability("ONNX Runtime, CUDA", *(missing or _cuda_problem() or ()))

    def stage_times(
        self, session: Session, images: UInt8Array, image_sizes: Int32Array, *, warm_up: int, runs: int
    ) -> StageTimes | None:
        """See `Backend.stage_times`; None on a GPU, where the profile tells launches only."""
        from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
        from gridrt.runtime.onnxruntime.stage_times import graph_stage_times

        assert isinstance(session, OnnxRuntimeSession)  # noqa: S101 - opened by this backend
        if session.providers[0] != "CPUExecutionProvider":
            return None
        return graph_stage_times(session.path, images, image_sizes, threads=session.threads, warm_up=warm_up, runs=runs)

    def stage_runner(self, path: Path, options: SessionOptions) -> StageRunner:
        """See `Backend.stage_runner`; it runs on the CPU, and rounds FP16 as a GPU would."""
        from gridrt.graph.graph import load_graph
        from gridrt.runtime.graph_stages import GraphStages
        from gridrt.runtime.onnxruntime.subgraph import SubgraphSession

        return GraphStages(load_graph(path).model, SubgraphSession, options.threads)

    def triton_model(self, path: Path) -> TritonModel:
        """See `Backend.triton_model`."""
        from gridrt.graph.graph import load_graph

        model = load_graph(path, external_data=False).model
        return TritonModel("onnxruntime", "model.onnx", ir_version=model.ir_version)

    def peaks(self, session: Session) -> Peaks | None:
        """See `Backend.peaks`; of integer products where the graph has them. A CPU multiplies FP16 in FP32."""
        from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
        from gridrt.runtime.peaks import measured_cpu_peaks, measured_int8_peaks

        assert isinstance(session, OnnxRuntimeSession)  # noqa: S101 - opened by this backend
        if session.providers[0] != "CPUExecutionProvider":
            return None
        return measured_int8_peaks(session.threads) if session.info.precision == "int8" else measured_cpu_peaks()


def _cuda_problem() -> tuple[str, str] | None:
    import onnxruntime

    from gridrt.machine.devices import find_gpus

    if not find_gpus():
        return "no CUDA GPU found", ""
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return None
    return "this onnxruntime is built without CUDA", only_onnxruntime("onnxruntime-gpu")


BACKEND = OnnxRuntimeBackend()
