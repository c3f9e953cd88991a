"""The one place that makes sessions of ONNX Runtime, so that all have the same settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import onnxruntime as ort

from gridrt.errors import GraphError
from gridrt.machine.cpus import thread_count

Provider: TypeAlias = str | tuple[str, Mapping[str, str]]
"""ONNX Runtime's name of it, or the name and its options."""
CPU = ("CPUExecutionProvider",)
FATAL_ONLY = 4
"""Log severity: what ONNX Runtime would print of an error comes again as the exception."""


def inference_session(
    model: Path | bytes,
    *,
    threads: int | None = None,
    providers: Sequence[Provider] = CPU,
    profile_prefix: Path | None = None,
    optimized: Path | None = None,
    place: object = None,
) -> ort.InferenceSession:
    """Open a graph with ONNX Runtime.

    Args:
        model: an ONNX file, or the content of one.
        threads: CPU threads inside an operator; None means as many as the process may use.
        providers: what runs it, best first.
        profile_prefix: beginning of the name of the file that profiling writes; None does not profile.
        optimized: file that receives the graph as it runs, after the fusions.
        place: what an error names where `model` is no file.

    Raises:
        GraphError: ONNX Runtime cannot open the graph.
    """
    ort.disable_telemetry_events()
    options = ort.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    options.intra_op_num_threads = thread_count(threads)
    options.enable_mem_pattern = False  # patterns are kept for every input shape ever seen
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")  # for `left_to_the_cpu`
    if profile_prefix is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_prefix)
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    try:
        return ort.InferenceSession(model, options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's error classes share no base of their own
        place = model if isinstance(model, Path) else place
        raise GraphError("ONNX Runtime cannot open the graph", place=place, value=error) from error


def left_to_the_cpu(session: ort.InferenceSession) -> dict[str, int]:
    """The operators that run on the CPU, with the number of their nodes, though a better provider runs the session.

    ONNX Runtime says nothing of it, but each such node costs two copies and a wait. Before version 1.24 it does not
    tell: the result is empty.
    """
    if session.get_providers()[0] == CPU[0] or not hasattr(session, "get_provider_graph_assignment_info"):
        return {}
    parts = [part for part in session.get_provider_graph_assignment_info() if part.ep_name == CPU[0]]
    return dict(Counter(node.op_type for part in parts for node in part.get_nodes()).most_common())
