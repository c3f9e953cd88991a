"""Run an exported graph with ONNX Runtime, on a CPU or an NVIDIA GPU."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnxruntime as ort
from onnx import GraphProto, ModelProto, ValueInfoProto

from gridrt.errors import DependencyError, GraphError
from gridrt.formatting import format_count
from gridrt.graph.contract import OUTPUTS, check_contract
from gridrt.graph.graph import Graph, load_graph
from gridrt.graph.metadata import TARGET_KEY, refuse_unnamed
from gridrt.runtime.advice import warn_of_saturation
from gridrt.runtime.graph_info import graph_info
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.onnxruntime.inference_session import Provider, inference_session, left_to_the_cpu
from gridrt.types import Float32Array, Int32Array, RawDetections, UInt8Array
from gridrt.unchanged import unchanged

# Not TensorRT's: an engine of GridRT is built, checked and opened as a file of its own.
PREFERRED_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class OnnxRuntimeSession:
    """A graph of GridRT, checked and open.

    Args:
        graph: an ONNX file, or a graph in memory.
        providers: what runs it, best first; None takes CUDA and the CPU, as far as they are available.
        threads: CPU threads inside an operator; None means as many as the process may use.
        observed: names of float32 tensors inside the graph, which `run_observed` returns.

    Attributes:
        info: what it runs, and on what.
        path: the graph's file, which a graph in memory need not have.
        providers: what ONNX Runtime uses, best first.
        threads: CPU threads inside an operator; None means as many as the process may use.
        observed: names of the tensors that `run_observed` returns.

    Raises:
        GraphError: the file is not an ONNX file, `gridrt export` did not write it, or a weight is not finite.
        DependencyError: a provider that was asked for is missing or does not start.
    """

    def __init__(
        self,
        graph: Graph | str | Path,
        providers: Sequence[Provider] | None = None,
        threads: int | None = None,
        observed: Sequence[str] = (),
    ) -> None:
        available = ort.get_available_providers()
        asked = [(each, {}) if isinstance(each, str) else each for each in providers or ()]
        for name, _ in asked:
            if name not in available:
                remedy = f"It has {', '.join(available)}."
                raise DependencyError("this ONNX Runtime has no such provider", place=name, remedy=remedy)
        with unchanged([] if isinstance(graph, Graph) else [Path(graph)], GraphError):
            loaded = graph if isinstance(graph, Graph) else load_graph(graph)
            check_contract(loaded)
            # ONNX Runtime would map data files, which may change while it runs.
            in_memory = isinstance(graph, Graph) or observed or loaded.data_files
            self._session = inference_session(
                _content(loaded.model, observed) if in_memory else loaded.path,
                threads=threads,
                providers=providers or [name for name in PREFERRED_PROVIDERS if name in available],
                place=loaded.path,
            )
        self.path, self.threads, self.observed = loaded.path, threads, tuple(observed)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        if asked and asked[0][0] not in self.providers:
            remedy = "Try gridrt doctor."
            raise DependencyError("the provider cannot start on this machine", place=asked[0][0], remedy=remedy)
        if loaded.metadata.get(TARGET_KEY) == "cpu" and self.providers[0] == "CPUExecutionProvider":
            warn_of_saturation()
        device = self.providers[0].removesuffix("ExecutionProvider").lower()
        if asked and (number := asked[0][1].get("device_id")):
            device += f":{number}"
        if on_cpu := left_to_the_cpu(self._session):
            ops = ", ".join(f"{op} {count}" for op, count in on_cpu.items())
            device += f", with {format_count(sum(on_cpu.values()), 'node')} on the cpu"
            warnings.warn(f"ONNX Runtime's {self.providers[0]} leaves nodes to the CPU: {ops}", stacklevel=2)
        self.info: ModelInfo = graph_info(loaded.model, loaded.path, library(), device)

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.runtime.backend.Session`.

        Raises:
            GraphError: ONNX Runtime fails, such as for want of memory, or a detected class has no name.
        """
        return self._detect(images, image_sizes, ())[0]

    def run_observed(self, images: UInt8Array, image_sizes: Int32Array) -> tuple[RawDetections, Sequence[Float32Array]]:
        """Detect in a batch, and return the observed tensors besides, in the order of `observed`.

        Raises:
            GraphError: as `run`.
        """
        return self._detect(images, image_sizes, self.observed)

    def _detect(
        self, images: UInt8Array, image_sizes: Int32Array, observed: Sequence[str]
    ) -> tuple[RawDetections, Sequence[Float32Array]]:
        feeds = {"images": images, "image_sizes": image_sizes}
        try:
            boxes, scores, labels, *tensors = self._session.run([*OUTPUTS, *observed], feeds)
        except Exception as error:  # ONNX Runtime's error classes share no base of their own
            raise GraphError("ONNX Runtime cannot run the graph", place=self.path, value=error) from error
        refuse_unnamed(labels, self.info.class_names, self.path)
        return RawDetections(boxes, scores, labels), tensors


def _content(model: ModelProto, observed: Sequence[str]) -> bytes:
    """The file of a model with more outputs, without a copy of the model: protobuf merges what is concatenated."""
    more = ModelProto(graph=GraphProto(output=[ValueInfoProto(name=name) for name in observed]))
    return bytes(model.SerializeToString() + (more.SerializeToString() if observed else b""))


def library() -> str:
    """Such as "onnxruntime 1.32.0"."""
    return f"onnxruntime {ort.__version__}"  # the metadata may be those of onnxruntime-gpu


def providers_for(device: str | None) -> list[Provider] | None:
    """ONNX Runtime's provider of a device, "cpu", "cuda" or "cuda:1"; None leaves the choice to it.

    Raises:
        DependencyError: ONNX Runtime knows no such device.
    """
    if device is None:
        return None
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if found := re.fullmatch(r"cuda(?::(\d+))?", device):
        return [("CUDAExecutionProvider", {"device_id": found[1]})] if found[1] else ["CUDAExecutionProvider"]
    remedy = "Name one of cpu, cuda, cuda:N."
    raise DependencyError("ONNX Runtime has no such device", place="`device`", value=device, remedy=remedy)
