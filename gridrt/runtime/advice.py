"""Which backend and which artefact are likely the fastest on a machine; `gridrt bench` measures whether they are."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from gridrt.machine.devices import Cpu, find_cpu


@dataclass(frozen=True)
class Advice:
    """A way to run a detector.

    Attributes:
        backend: by name.
        artefact: that it runs.
        because: the fact about the machine that decides.
        command: that makes the artefact.
    """

    backend: str
    artefact: str
    because: str
    command: str


def advice(cpu: Cpu, backends: Collection[str]) -> Advice:
    """What to try first.

    Args:
        cpu: of this machine.
        backends: names of those that run here.
    """
    if "tensorrt" in backends:
        command = "gridrt build-engine MODEL.onnx --fp16"
        return Advice("tensorrt", "an engine in FP16", "TensorRT runs on a GPU of this machine", command)
    backend = next((name for name in ("openvino", "onnxruntime") if name in backends), None)
    if backend is None:
        command = "gridrt detect IMAGE --model MODEL.pth"
        return Advice("pytorch", "the checkpoint", "no other backend runs here", command)
    if cpu.int8_products:
        because = f"the processor multiplies in INT8 by {', '.join(cpu.int8_products)}"
        command = "gridrt calibrate MODEL.onnx --images DIR --target cpu"
        return Advice(backend, "the graph in INT8, for the target cpu", because, command)
    because = "the processor has no INT8 products in 32 bits (VNNI), so INT8 gains little and can lose accuracy"
    return Advice(backend, "the graph in FP32", because, "gridrt export MODEL.pth")


@cache
def warn_of_saturation() -> None:
    """Warn, once, where ONNX Runtime's products of uint8 and int8 saturate; see `gridrt.calib.targets.cpu`."""
    cpu = find_cpu()
    if "avx2" in cpu.instruction_sets and not cpu.int8_products:
        loss = f"INT8 graphs for the CPU can lose accuracy on {cpu.name}, which has no VNNI: sums of products saturate"
        warnings.warn(f"{loss}. Use a processor with VNNI, or the FP32 graph.", stacklevel=2)
