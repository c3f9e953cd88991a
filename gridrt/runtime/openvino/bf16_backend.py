"""FP32 graphs, run by OpenVINO on the CPU with features in BF16 and coordinates in FP32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.errors import GridRTError
from gridrt.runtime.backend import Availability, Session, SessionOptions
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.openvino.backend import OpenVinoBackend
from gridrt.types import Int32Array, UInt8Array

if TYPE_CHECKING:  # PyTorch takes a second to import
    from gridrt.runtime.peaks import Peaks
    from gridrt.runtime.stage_runner import StageRunner
    from gridrt.stages import StageTimes


class OpenVinoBf16Backend(OpenVinoBackend):
    """BF16: chosen by its name only, since its boxes are not the reference's."""

    name = "openvino_bf16"
    title = "OpenVINO in BF16"
    faithful = False
    preference = -10

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:
        """See `Backend.info`."""
        info = super().info(path, options)
        from gridrt.runtime.openvino.bf16 import require_fp32

        require_fp32(info.precision, path)
        return replace(info, precision="bf16")

    def open(self, path: Path, options: SessionOptions) -> Session:
        """See `Backend.open`; refuses a processor without BF16."""
        self._require_package()
        from gridrt.graph.graph import load_graph
        from gridrt.runtime.openvino.bf16 import bf16_graph, require_bf16
        from gridrt.runtime.openvino.session import OpenVinoSession, require_cpu

        require_cpu(options.device)
        require_bf16()
        return OpenVinoSession(bf16_graph(load_graph(path)), options.threads, options.streams or 1)

    def probe(self) -> list[Availability]:
        """See `Backend.probe`."""
        name, (full,) = "OpenVINO in BF16, CPU", super().probe()
        if not full.runs:
            return [replace(full, name=name)]
        from gridrt.runtime.openvino.bf16 import require_bf16

        try:
            require_bf16()
        except GridRTError as error:
            return [Availability(name, f"{error.rule}: it needs AVX512_BF16 or AMX")]
        return [Availability(name)]

    def stage_times(
        self, session: Session, images: UInt8Array, image_sizes: Int32Array, *, warm_up: int, runs: int
    ) -> StageTimes | None:
        """See `Backend.stage_times`."""
        from gridrt.graph.graph import load_graph
        from gridrt.runtime.openvino.bf16 import bf16_graph
        from gridrt.runtime.openvino.session import OpenVinoSession
        from gridrt.runtime.openvino.stage_times import graph_stage_times

        assert isinstance(session, OpenVinoSession)  # noqa: S101 - opened by this backend
        graph = bf16_graph(load_graph(session.path))
        return graph_stage_times(graph, images, image_sizes, threads=session.threads, warm_up=warm_up, runs=runs)

    def stage_runner(self, path: Path, options: SessionOptions) -> StageRunner:
        """See `Backend.stage_runner`; ONNX Runtime computes in FP32 and rounds to BF16, so it runs on any processor."""
        from gridrt.graph.graph import load_graph
        from gridrt.runtime.graph_stages import GraphStages
        from gridrt.runtime.onnxruntime.subgraph import SubgraphSession
        from gridrt.runtime.openvino.bf16 import bf16_graph

        return GraphStages(bf16_graph(load_graph(path)).model, SubgraphSession, options.threads)

    def peaks(self, session: Session) -> Peaks | None:  # noqa: ARG002 - every session of it is in BF16
        """See `Backend.peaks`."""
        import torch

        from gridrt.runtime.peaks import CPU, measured_peaks

        return measured_peaks(CPU, torch.bfloat16)


BACKEND = OpenVinoBf16Backend()
