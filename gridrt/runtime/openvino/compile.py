"""The one place that compiles graphs with OpenVINO, so that all have the same settings."""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib.metadata import version
from typing import Any

import onnx.inliner
from onnx import ModelProto
from openvino import CompiledModel, Core

from gridrt.errors import DependencyError, GraphError
from gridrt.machine.cpus import thread_count
from gridrt.model.zoo import CACHE_VARIABLE, cache_folder
from gridrt.runtime.openvino.semantics import follow_onnx

OLDEST = (2026, 4)
"""INT8 graphs with open sizes crash with 2026.1 to 2026.3 on processors with AMX."""
ISA_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
KERNELS = 256
"""Kernels kept of each kind, by input shape: an R-50 has about 90 convolutions, so those of nearly three sizes.

Without a bound, memory grows with every new size."""


def compiled_graph(
    model: ModelProto, *, threads: int | None = None, streams: int = 1, profile: bool = False, place: object = None
) -> CompiledModel:
    """Compile a graph for the CPU, in the precision that it is written in: nothing is rounded to BF16 or FP16.

    Where the variable GRIDRT_CACHE names a folder, the compiled graph is kept in it, and loaded from it the next time.

    Args:
        model: in memory, with its weights.
        threads: CPU threads; None means as many as the process may use.
        streams: requests that run at the same time, each on its share of the threads.
        profile: record the time of each node.
        place: what an error names.

    Raises:
        DependencyError: this OpenVINO is too old.
        GraphError: OpenVINO cannot compile the graph.
    """
    require_new_enough()
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": thread_count(threads),
        "NUM_STREAMS": streams,
        "ENABLE_CPU_PINNING": False,  # several processes would share the first cores and leave the others idle
        "PERF_COUNT": profile,
        "CPU_RUNTIME_CACHE_CAPACITY": KERNELS,
    }
    if os.environ.get(CACHE_VARIABLE):  # unasked, hundreds of megabytes a graph would be kept
        settings["CACHE_DIR"] = str(cache_folder() / "openvino")
    try:
        read = core().read_model(onnx.inliner.inline_local_functions(model).SerializeToString())
        follow_onnx(read)
        return core().compile_model(read, "CPU", settings)
    except RuntimeError as error:  # the base of all that OpenVINO raises
        raise GraphError("OpenVINO cannot compile the graph", place=place, value=error) from error


def require_new_enough() -> None:
    """Refuse an OpenVINO that is too old.

    Raises:
        DependencyError: it is.
    """
    found = version("openvino")
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
        remedy = f'pip install --upgrade "openvino>={OLDEST[0]}.{OLDEST[1]}"'
        raise DependencyError("OpenVINO must be newer", place="openvino", value=found, remedy=remedy)


def library() -> str:
    """Such as "openvino 2026.4.1"."""
    return f"openvino {version('openvino')}"


@cache
def core() -> Core:
    """OpenVINO, not limited to SSE 4.1: its 2026.4 cannot compile TopK under such a limit, which is meant for PyTorch.

    Both libraries have a oneDNN of their own, which reads the limit from the environment when it is first used.
    """
    limited = [name for name in ISA_LIMITS if os.environ.get(name, "").upper() == "SSE41"]
    if limited:
        warnings.warn(f"{limited[0]}=SSE41 does not limit OpenVINO, which cannot compile TopK under it", stacklevel=2)
    hidden = {name: os.environ.pop(name) for name in limited}
    openvino = Core()
    openvino.get_property("CPU", "OPTIMIZATION_CAPABILITIES")  # reads the limit
    os.environ.update(hidden)
    return openvino
