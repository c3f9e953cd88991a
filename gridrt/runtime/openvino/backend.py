"""ONNX graphs, run by OpenVINO on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.errors import DependencyError
from gridrt.machine.packages import probe_package
from gridrt.runtime.backend import Availability, Session, SessionOptions
from gridrt.runtime.graph_backend import GraphBackend
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, UInt8Array

if TYPE_CHECKING:  # PyTorch takes a second to import
    from gridrt.runtime.peaks import Peaks
    from gridrt.runtime.stage_runner import StageRunner
    from gridrt.stages import StageTimes


class OpenVinoBackend(GraphBackend):
    """Any precision that the graph is written in; FP16 is computed in FP32."""

    name = "openvino"
    title = "OpenVINO"
    options = GraphBackend.options | {"streams"}
    # Behind ONNX Runtime: it turns NaN finite and leaves out FP16's rounding, and so hides defects of a graph.
    preference = -1

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:  # noqa: ARG002 - it needs none
        """See `Backend.info`."""
        self._require_package()
        from gridrt.graph.graph import load_graph
        from gridrt.runtime.graph_info import graph_info
        from gridrt.runtime.openvino.compile import library

        return graph_info(load_graph(path, external_data=False).model, path, library())

    def open(self, path: Path, options: SessionOptions) -> Session:
        """See `Backend.open`."""
        self._require_package()
        from gridrt.runtime.openvino.session import OpenVinoSession, require_cpu

        require_cpu(options.device)
        return OpenVinoSession(path, options.threads, options.streams or 1)

    def probe(self) -> list[Availability]:
        """See `Backend.probe`."""
        name, package = "OpenVINO, CPU", probe_package("openvino")
        if not package.usable:
            return [Availability(name, f"openvino: {package.problem}", package.remedy)]
        from gridrt.runtime.openvino.compile import require_new_enough

        try:
            require_new_enough()
        except DependencyError as error:
            return [Availability(name, f"openvino {error.value}: {error.rule}", error.remedy)]
        return [Availability(name)]

    def stage_times(
        self, session: Session, images: UInt8Array, image_sizes: Int32Array, *, warm_up: int, runs: int
    ) -> StageTimes | None:
        """See `Backend.stage_times`."""
        from gridrt.graph.graph import load_graph
        from gridrt.runtime.openvino.session import OpenVinoSession
        from gridrt.runtime.openvino.stage_times import graph_stage_times

        assert isinstance(session, OpenVinoSession)  # noqa: S101 - opened by this backend
        graph = load_graph(session.path)
        return graph_stage_times(graph, images, image_sizes, threads=session.threads, warm_up=warm_up, runs=runs)

    def stage_runner(self, path: Path, options: SessionOptions) -> StageRunner:
        """See `Backend.stage_runner`; half precision is rounded, by ONNX Runtime: OpenVINO leaves such casts out."""
        from gridrt.graph.graph import load_graph
        from gridrt.graph.half_simulation import has_half
        from gridrt.runtime.graph_stages import GraphStages
        from gridrt.runtime.onnxruntime.subgraph import SubgraphSession as OnnxRuntimeSubgraph
        from gridrt.runtime.openvino.subgraph import SubgraphSession

        model = load_graph(path).model
        return GraphStages(model, OnnxRuntimeSubgraph if has_half(model) else SubgraphSession, options.threads)

    def peaks(self, session: Session) -> Peaks | None:
        """See `Backend.peaks`; of integer products where the graph has them."""
        from gridrt.runtime.openvino.session import OpenVinoSession
        from gridrt.runtime.peaks import measured_cpu_peaks, measured_int8_peaks

        assert isinstance(session, OpenVinoSession)  # noqa: S101 - opened by this backend
        return measured_int8_peaks(session.threads) if session.info.precision == "int8" else measured_cpu_peaks()

    def _require_package(self) -> None:
        package = probe_package("openvino")
        if not package.usable:
            raise DependencyError("the package openvino is missing", value=package.problem, remedy=package.remedy)


BACKEND = OpenVinoBackend()
