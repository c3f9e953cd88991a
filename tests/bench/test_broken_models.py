"""Models that an export broke fail the gates of a bench; `tests/compare` finds where they are broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto

from gridrt.bench.bench import benchmark
from gridrt.bench.gates import Gates
from gridrt.data.synthetic import write_split
from tests import broken
from tests.in_process import InProcess

BUDGET = Gates(max_ap_drop=0.5)
"""That of INT8, the loosest."""
# Coordinates go up to 1280, where FP16 has a spacing of 1; the boxes are at whole pixels of another scale.
SCALE, SIZE = (1280, 256), (1150, 230)

Breaking = Callable[[ModelProto], ModelProto]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.bench.candidates.CandidateProcess", InProcess)
    monkeypatch.setattr("gridrt.bench.interleave.REST_SECONDS", 0)
    monkeypatch.setattr("gridrt.bench.interleave.WARM_UP", 0)


def met_by(
    folder: Path,
    graph: ModelProto,
    breakings: Mapping[str, Breaking],
    images: Path,
    annotations: Path,
    scale: tuple[int, int],
    max_images: int,
) -> dict[str, bool]:
    """By the names of broken models, whether they meet the budget against a sound one."""
    models = {"reference": graph, "sound": graph} | {name: breaking(graph) for name, breaking in breakings.items()}
    for name, model in models.items():
        onnx.save(model, folder / f"{name}.onnx")
    result = benchmark(
        [folder / f"{name}.onnx" for name in models],
        images=images,
        annotations=annotations,
        max_images=max_images,
        reference=folder / "reference.onnx",
        scale=scale,
        threads=1,
        runs=1,
        stages=False,
        gates=BUDGET,
    )
    return {Path(gate.row).stem: gate.met for gate in result.gates}


def test_a_wrong_mean_coordinates_in_fp16_and_shuffled_classes_fail_the_budget_and_a_sound_copy_meets_it(
    tiny_synthetic_file: Path, tmp_path: Path
) -> None:
    write_split(tmp_path, "val", 8, size=SIZE)
    breakings = {
        "mean": broken.wrong_mean,
        "coordinates": broken.half_coordinates,
        "classes": broken.shuffled_classes,
        "names": broken.shuffled_names,
    }

    graph, where = onnx.load(tiny_synthetic_file), (tmp_path / "val", tmp_path / "instances_val.json")
    met = met_by(tmp_path, graph, breakings, *where, SCALE, 8)

    assert met == {"sound": True, "mean": False, "coordinates": False, "classes": False, "names": False}


def test_swapped_channels_fail_the_budget_where_colours_matter(
    data_dir: Path, tiny_bccd_file: Path, tmp_path: Path
) -> None:
    """Synthetic shapes have any colour; blood cells do not."""
    where = (data_dir / "bccd/images", data_dir / "bccd/annotations/instances_test.json")
    graph, breakings = onnx.load(tiny_bccd_file), {"channels": broken.swapped_channels}

    met = met_by(tmp_path, graph, breakings, *where, (480, 360), 8)

    assert met == {"sound": True, "channels": False}
