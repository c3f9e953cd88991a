"""Run an exported graph with ONNX Runtime, on a CPU or an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import onnxruntime as ort

from gridrt.errors import DependencyError, GraphError
from gridrt.files import check_is_file
from gridrt.graph.metadata import not_gridrt, refuse_unnamed
from gridrt.graph.weights import refuse_non_finite
from gridrt.graph.wiring import loaded
from gridrt.runtime.graph_info import graph_info
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, RawDetections, UInt8Array

# Not TensorRT's: an engine of GridRT is built, checked and opened as a file of its own.
PREFERRED_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")

# The graph's contract: name -> (type, rank).
INPUTS = {"images": ("tensor(uint8)", 4), "image_sizes": ("tensor(int32)", 2)}
OUTPUTS = {"boxes": ("tensor(float)", 3), "scores": ("tensor(float)", 2), "labels": ("tensor(int32)", 2)}

ERRORS_ONLY = 3


class OnnxRuntimeSession:
    """An ONNX file of the graph contract, opened and checked.

    Args:
        path: the file.
        providers: ONNX Runtime's names, best first; None takes CUDA's and the CPU's, as far as they are there.
        threads: CPU threads inside an operator; None means every physical core.

    Attributes:
        info: what it runs, and on what.
        path: the file.
        providers: what ONNX Runtime uses, best first.
        threads: CPU threads inside an operator; None means every physical core.

    Raises:
        GraphError: not an ONNX file, not one that `gridrt export` wrote, or one with weights that are not finite.
        DependencyError: a provider that was asked for is missing or does not start.
    """

    def __init__(self, path: str | Path, providers: Sequence[str] | None = None, threads: int | None = None) -> None:
        if providers is not None:
            _check_available(providers)
        self.path, self.threads = Path(path), threads
        self._session = _open(self.path, providers or _available_preferred(), threads)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        if providers is not None and providers[0] not in self.providers:
            raise DependencyError(
                "ONNX Runtime failed to start the provider", place=providers[0], remedy="Try gridrt doctor."
            )
        _check_signature(path, "input", self._session.get_inputs(), INPUTS)
        _check_signature(path, "output", self._session.get_outputs(), OUTPUTS)
        model = loaded(self.path)
        device = self.providers[0].removesuffix("ExecutionProvider").lower()
        self.info: ModelInfo = graph_info(model, self.path, library(), device)
        refuse_non_finite(model, self.path)

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.runtime.backend.Session`.

        Raises:
            GraphError: ONNX Runtime fails, such as for want of memory, or finds a class that has no name.
        """
        try:
            boxes, scores, labels = self._session.run(list(OUTPUTS), {"images": images, "image_sizes": image_sizes})
        except Exception as error:  # ONNX Runtime's error classes share no base of their own
            raise GraphError("ONNX Runtime cannot run the graph", place=self.path, value=error) from error
        refuse_unnamed(labels, self.info.class_names, self.path)
        return RawDetections(boxes, scores, labels)


def library() -> str:
    """Such as "onnxruntime 1.32.0"."""
    return f"onnxruntime {version('onnxruntime')}"


def providers_for(device: str | None) -> list[str] | None:
    """ONNX Runtime's names for a device; None leaves the choice to it.

    Raises:
        DependencyError: ONNX Runtime knows no such device.
    """
    if device is None:
        return None
    known = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
    if device not in known:
        remedy = f"Name one of {', '.join(known)}."
        raise DependencyError("ONNX Runtime has no such device", place="--device", value=device, remedy=remedy)
    return [known[device]]


def _check_available(providers: Sequence[str]) -> None:
    available = ort.get_available_providers()
    for provider in providers:
        if provider not in available:
            raise DependencyError(
                "ONNX Runtime has no such provider here", place=provider, remedy=f"It has {', '.join(available)}."
            )


def _available_preferred() -> list[str]:
    available = ort.get_available_providers()
    return [provider for provider in PREFERRED_PROVIDERS if provider in available]


def _open(path: Path, providers: Sequence[str], threads: int | None) -> ort.InferenceSession:
    check_is_file(path, GraphError)
    options = ort.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads or 0  # 0: one per physical core
    try:
        return ort.InferenceSession(path, options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's error classes share no base of their own
        raise GraphError("ONNX Runtime cannot open the graph", place=path, value=error) from error


def _check_signature(
    path: str | Path, kind: str, nodes: Sequence[ort.NodeArg], expected: dict[str, tuple[str, int]]
) -> None:
    found = {node.name: (node.type, len(node.shape)) for node in nodes}
    for name, (dtype, rank) in expected.items():
        if name not in found:
            raise not_gridrt(path, f"no {kind} named {name}")
        if found[name] != (dtype, rank):
            raise not_gridrt(path, f"{kind} {name} of type and rank {found[name]} instead of {(dtype, rank)}")
    if surplus := found.keys() - expected.keys():
        raise not_gridrt(path, f"a further {kind} named {', '.join(sorted(surplus))}")
