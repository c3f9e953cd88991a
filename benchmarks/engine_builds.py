"""Engines of TensorRT for RTX, built ahead of time on a CPU: seconds, sizes, memory, and the precision of the layers.

    python -m benchmarks.engine_builds

No engine is run: that takes a GPU.
"""

from __future__ import annotations

import json
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from gridrt.calib.affine import Range
from gridrt.calib.graph_files import save_rewritten
from gridrt.calib.observe import observed_activations
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.config import DEFAULT_SCALE
from gridrt.export.engine.build import engine_from_graph
from gridrt.export.engine.options import EngineOptions
from gridrt.export.engine.profile import Profile, profile_for
from gridrt.export.onnx_export import onnx_from_model, save_onnx
from gridrt.files import check_writable, write_text
from gridrt.graph.graph import load_graph
from gridrt.machine.conditions import machine
from gridrt.model.untrained import untrained_model

RESULT = Path(__file__).parent / "results" / "engine_builds.json"
VARIANTS = ("tiny", "r50")
PRECISIONS = ("fp32", "fp16", "int8")
RANGE = Range(-6.0, 6.0)
"""Of every activation: a build takes as long with any."""

ONE_SIZE = "1 image of 800x1344"
PROFILES: dict[str, Profile] = {
    ONE_SIZE: profile_for(DEFAULT_SCALE, (1, 1), ((800, 1344), (800, 1344))),
    "1 image of any size": profile_for(DEFAULT_SCALE),
    "1 to 8 images of any size": profile_for(DEFAULT_SCALE, (1, 8)),
}


@click.command
@click.option("--out", type=click.Path(path_type=Path), default=RESULT, show_default=True, help="JSON file to write.")
def command(*, out: Path) -> None:
    """Build engines of `tiny` and R-50 in FP32, FP16 and INT8, and list what each took."""
    check_writable(out)
    with TemporaryDirectory() as folder:
        rows = list(measure(Path(folder)))
    conditions = machine() | {"weights": "deterministic, untrained", "ranges": "made up, the same for all"}
    write_text(out, json.dumps({"rows": rows, "conditions": conditions}, indent=2) + "\n")
    click.echo(f"Written to {out}")


def measure(folder: Path) -> Iterator[dict[str, Any]]:
    """Every engine: the one-size profile in each precision, the others in FP16."""
    for variant in VARIANTS:
        graphs = dict(graphs_of(variant, folder))
        for precision, graph in graphs.items():
            for name, profile in PROFILES.items():
                if name == ONE_SIZE or precision == "fp16":
                    yield _row(variant, precision, name, graph, EngineOptions(profile, "tensorrt-rtx"))


def graphs_of(variant: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Each precision, and the file of a graph in it, with untrained weights."""
    graph = folder / f"{variant}.onnx"
    save_onnx(onnx_from_model(untrained_model(variant).eval(), parent_sha256="0" * 64), graph)
    yield "fp32", graph
    loaded, target = load_graph(graph), TARGETS["tensorrt"]
    ranges = dict.fromkeys(observed_activations(loaded.model.graph), RANGE)
    for name in PRECISIONS[1:]:
        recipe, rewritten = load_recipe(name), folder / f"{variant}.{name}.onnx"
        model = apply_recipe(loaded.model, recipe, target, ranges)
        save_rewritten(model, rewritten, recipe, target, loaded.sha256, {})
        yield name, rewritten


def _row(variant: str, precision: str, profile: str, graph: Path, options: EngineOptions) -> dict[str, Any]:
    """What one engine took; printed, too."""
    manifest = engine_from_graph(load_graph(graph), graph.with_suffix(".engine"), options)
    layers = sum((Counter(stage) for stage in manifest.precision.values()), Counter[str]())
    row = {
        "variant": variant,
        "precision": precision,
        "profile": profile,
        "seconds": manifest.seconds,
        "bytes": manifest.engine["bytes"],
        "weighted_layers": dict(layers),
        "by_stage": manifest.precision,
        "runtime": manifest.runtime,
        "peak_mib_of_the_process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    kinds = ", ".join(f"{count} {kind}" for kind, count in layers.items())
    size = int(manifest.engine["bytes"]) / 1e6
    click.echo(f"{variant:<6}{precision:<6}{profile:<27}{manifest.seconds:>6.1f} s{size:>8.1f} MB  {kinds}")
    return row


if __name__ == "__main__":
    command()
