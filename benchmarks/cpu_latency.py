"""Latency of a detector on a CPU: ONNX Runtime and OpenVINO in FP32 and INT8 beside eager PyTorch, interleaved.

    python -m benchmarks.cpu_latency

All in one process. Also what the export costs, and how fast the program answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks.candidates import (
    ONNX_RUNTIME,
    ONNX_RUNTIME_INT8,
    PYTORCH,
    feeds_of,
    int8_graph_of,
    photograph_batch,
    up_to_rpn_calls,
    whole_calls,
)
from benchmarks.graph_parts import OpTime, op_times
from benchmarks.latency_table import Latency, lines
from benchmarks.program_cost import program_cost
from benchmarks.setting import Setting, conditions
from benchmarks.setting_options import out_option, result_file, setting_options
from gridrt.bench.interleave import interleaved_seconds
from gridrt.config import DEFAULT_SCALE
from gridrt.data.transform import Batch
from gridrt.files import write_text
from gridrt.model.checkpoint import load_model, save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.untrained import untrained_model

RESULT = Path(__file__).parent / "results" / "cpu_latency.json"
COMMITTED = Setting("r50", DEFAULT_SCALE, threads=2, warm_up=1, runs=7)
"""The only setting that is written to `RESULT` by default; the options' defaults."""
HELP_RUNS = 10


@click.command(context_settings={"show_default": True})
@setting_options(COMMITTED)
@click.option("--profile", is_flag=True, help="Also list the operators that take ONNX Runtime's time.")
@out_option(RESULT)
def command(*, profile: bool, out: Path | None, **chosen: Any) -> None:  # noqa: ANN401 - those of a setting
    """Time ONNX Runtime and OpenVINO in FP32 and INT8 beside eager PyTorch here: untrained weights, a photograph."""
    setting = Setting(**chosen)
    out = result_file(out, RESULT, is_committed=setting == COMMITTED)
    with TemporaryDirectory() as folder:
        latency = measure(setting, Path(folder), profile=profile)
    write_text(out, latency.to_json())
    click.echo("\n".join(lines(latency)))
    click.echo(f"\nWritten to {out}")


def measure(setting: Setting, folder: Path, *, profile: bool) -> Latency:
    """All figures; the files that this needs are written to `folder`."""
    checkpoint, graph = folder / f"{setting.variant}.pth", folder / f"{setting.variant}.onnx"
    save_weights(untrained_model(setting.variant), checkpoint)
    # While this process is still smaller than the export: see program_cost.
    export = program_cost("export", "--weights", str(checkpoint), "--out", str(graph))
    help_seconds = min(program_cost("--help").seconds for _ in range(HELP_RUNS))
    batch = photograph_batch(setting.scale)
    int8_graph = int8_graph_of(graph, batch, setting.scale)
    detections, seconds = time_parts(setting, load_model(checkpoint), graph, int8_graph, batch)
    return Latency(
        conditions(setting, graph, batch, detections),
        seconds,
        export,
        help_seconds,
        profiled(setting, {ONNX_RUNTIME: graph, ONNX_RUNTIME_INT8: int8_graph}, batch) if profile else {},
    )


def time_parts(
    setting: Setting, model: GridRCNN, graph: Path, int8_graph: Path, batch: Batch
) -> tuple[int, dict[str, Mapping[str, Sequence[float]]]]:
    """Number of detections, and the seconds of each part, candidate and run."""
    whole = whole_calls(model, graph, int8_graph, batch, setting.threads)
    up_to_rpn = up_to_rpn_calls(model, graph, int8_graph, batch, setting.threads)
    detections = int((whole[PYTORCH]().labels >= 0).sum())
    return detections, {
        "whole detector": interleaved_seconds(whole, warm_up=setting.warm_up, runs=setting.runs),
        "backbone, FPN and RPN": interleaved_seconds(up_to_rpn, warm_up=setting.warm_up, runs=setting.runs),
    }


def profiled(setting: Setting, graphs: Mapping[str, Path], batch: Batch) -> dict[str, list[OpTime]]:
    """Where ONNX Runtime spends the time of each graph, operator by operator."""
    feeds, runs = feeds_of(batch), setting.runs
    return {
        name: op_times(graph, feeds, threads=setting.threads, warm_up=setting.warm_up, runs=runs)
        for name, graph in graphs.items()
    }


if __name__ == "__main__":
    command()
