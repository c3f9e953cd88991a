"""Where the milliseconds go on a CPU: stage by stage in PyTorch, ONNX Runtime and OpenVINO, beside the roofline.

python -m benchmarks.stages
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from benchmarks.candidates import (
    ONNX_RUNTIME,
    ONNX_RUNTIME_INT8,
    OPENVINO,
    OPENVINO_INT8,
    PYTORCH,
    int8_graph_of,
    photograph_batch,
    whole_calls,
)
from benchmarks.setting import Setting, conditions
from benchmarks.setting_options import out_option, result_file, setting_options
from gridrt.bench.interleave import interleaved_seconds
from gridrt.bench.roofline import Bound, stage_bounds
from gridrt.config import DEFAULT_SCALE
from gridrt.data.transform import Batch
from gridrt.export.onnx_export import onnx_from_model, save_onnx
from gridrt.files import sha256_of, write_text
from gridrt.graph.graph import load_graph
from gridrt.model.checkpoint import save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.untrained import untrained_model
from gridrt.runtime.onnxruntime import stage_times as by_onnxruntime
from gridrt.runtime.openvino import stage_times as by_openvino
from gridrt.runtime.peaks import Peaks, measured_int8_peaks, measured_peaks
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.runtime.pytorch.stage_times import torch_stage_times
from gridrt.stages import STAGES, Stage, StageTimes
from gridrt.types import RawDetections

RESULT = Path(__file__).parent / "results" / "stages.json"
COMMITTED = Setting("r50", DEFAULT_SCALE, threads=2, warm_up=2, runs=5)
"""The only setting that is written to `RESULT` by default; the options' defaults."""


@dataclass(frozen=True)
class StageFigures:
    """What was measured, and what it is compared with.

    Attributes:
        conditions: of all that follows.
        whole_seconds: per candidate, each run's, when nothing but the run is timed.
        times: per candidate, its stages.
        peaks: of the machine, per candidate, in the type that it runs in.
        bounds: of its stages, per candidate; in INT8 as if all of them were.
    """

    conditions: Mapping[str, Any]
    whole_seconds: Mapping[str, Sequence[float]]
    times: Mapping[str, StageTimes]
    peaks: Mapping[str, Peaks]
    bounds: Mapping[str, Mapping[Stage, Bound]]

    def to_json(self) -> str:
        """All of it."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


@click.command(context_settings={"show_default": True})
@setting_options(COMMITTED)
@out_option(RESULT)
def command(*, out: Path | None, **chosen: Any) -> None:  # noqa: ANN401 - those of a setting
    """Time each stage in PyTorch, ONNX Runtime and OpenVINO, FP32 and INT8: untrained weights, a photograph."""
    setting = Setting(**chosen)
    out = result_file(out, RESULT, is_committed=setting == COMMITTED)
    with TemporaryDirectory() as folder:
        figures = measure(setting, Path(folder))
    write_text(out, figures.to_json())
    click.echo("\n".join(lines(figures)))
    click.echo(f"\nWritten to {out}")


def measure(setting: Setting, folder: Path) -> StageFigures:
    """All figures; the files that this needs are written to `folder`."""
    model, batch = untrained_model(setting.variant), photograph_batch(setting.scale)
    checkpoint, graph = folder / f"{setting.variant}.pth", folder / f"{setting.variant}.onnx"
    save_weights(model, checkpoint)
    save_onnx(onnx_from_model(model, sha256_of(checkpoint)), graph)
    int8_graph = int8_graph_of(graph, batch, setting.scale)
    calls = whole_calls(model, graph, int8_graph, batch, setting.threads)
    found = calls[PYTORCH]()
    whole_seconds = interleaved_seconds(calls, warm_up=setting.warm_up, runs=setting.runs)
    in_float, in_int8 = measured_peaks(torch.device("cpu")), measured_int8_peaks(setting.threads)
    peaks = {PYTORCH: in_float, ONNX_RUNTIME: in_float, ONNX_RUNTIME_INT8: in_int8}
    peaks |= {OPENVINO: in_float, OPENVINO_INT8: in_int8}
    return StageFigures(
        conditions(setting, graph, batch, int((found.labels >= 0).sum())),
        whole_seconds,
        _times(setting, model, graph, int8_graph, batch),
        peaks,
        {name: _bounds(model, batch, found, each) for name, each in peaks.items()},
    )


def _times(setting: Setting, model: GridRCNN, graph: Path, int8_graph: Path, batch: Batch) -> dict[str, StageTimes]:
    images, sizes, counts = batch.images, batch.image_sizes, {"warm_up": setting.warm_up, "runs": setting.runs}
    times = {PYTORCH: torch_stage_times(TorchSession(model, "cpu", setting.threads), images, sizes, **counts)}
    for name, file in ((ONNX_RUNTIME, graph), (ONNX_RUNTIME_INT8, int8_graph)):
        times[name] = by_onnxruntime.graph_stage_times(file, images, sizes, threads=setting.threads, **counts)
    for name, file in ((OPENVINO, graph), (OPENVINO_INT8, int8_graph)):
        times[name] = by_openvino.graph_stage_times(load_graph(file), images, sizes, threads=setting.threads, **counts)
    return times


def _bounds(model: GridRCNN, batch: Batch, found: RawDetections, peaks: Peaks) -> dict[Stage, Bound]:
    images = len(batch.images)
    return stage_bounds(
        model.variant,
        len(model.class_names),
        batch.images.shape,
        peaks,
        proposals=images * model.rpn_head.proposals.max_proposals,
        detections=images * max(1, int(np.sum(found.labels >= 0, 1).max())),
    )


def lines(figures: StageFigures) -> Iterator[str]:
    """The figures as a table in Markdown, and below it the rest of the measurements."""
    yield "| runtime | stage | ms | share | bound, ms | times the bound |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name in figures.times:
        times, bounds = figures.times[name], figures.bounds[name]
        for stage in STAGES:
            yield _row(name, stage, times.seconds[stage], times.total, bounds[stage].seconds)
        yield _row(name, "whole", times.total, times.total, sum(bound.seconds for bound in bounds.values()))
    yield ""
    for name, seconds in figures.whole_seconds.items():
        yield f"{name}: {1e3 * statistics.median(seconds):.1f} ms when nothing but the whole is timed"
    for peaks in {each.dtype: each for each in figures.peaks.values()}.values():
        yield f"{peaks.dtype}: {peaks.flops / 1e9:.0f} GFLOP/s, {peaks.bytes / 1e9:.1f} GB/s"
    yield from (f"{name.replace('_', ' ')}: {value}" for name, value in figures.conditions.items())


def _row(name: str, stage: str, seconds: float, total: float, bound: float) -> str:
    beside_bound = f"{1e3 * bound:.2f} | {seconds / bound:.1f}" if bound else " | "
    return f"| {name} | {stage} | {1e3 * seconds:.2f} | {seconds / total:.1%} | {beside_bound} |"


if __name__ == "__main__":
    command()
