"""Artefacts that were broken on the way are found by the gates of a bench; `tests/compare` finds where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto

from gridrt.bench.bench import Request, bench
from gridrt.bench.gates import Limits, gates_of
from gridrt.data.coco import CocoDataset
from gridrt.data.synthetic import write_split
from gridrt.export.onnx_export import onnx_from_model
from gridrt.model.checkpoint import load_model
from tests import broken

BUDGET = Limits(max_ap_drop=0.5)
"""Of INT8, the loosest."""
# Coordinates go up to 1280, where FP16 has a spacing of 1; and the drawn boxes are at whole pixels of another scale.
SCALE, PICTURE = (1280, 256), (1150, 230)

Breaking = Callable[[ModelProto], ModelProto]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.bench.race.REST_SECONDS", 0)
    monkeypatch.setattr("gridrt.bench.race.LEAST_RUNS", 1)
    monkeypatch.setattr("gridrt.bench.bench._time_stages", lambda *_: True)


def met_by(
    folder: Path, graph: ModelProto, breakings: Mapping[str, Breaking], dataset: CocoDataset, scale: tuple[int, int]
) -> dict[str, bool]:
    """By the names of broken artefacts, whether they meet the budget beside a sound one."""
    models = {"reference": graph, "sound": graph} | {name: breaking(graph) for name, breaking in breakings.items()}
    for name, model in models.items():
        onnx.save(model, folder / f"{name}.onnx")
    files = [str(folder / f"{name}.onnx") for name in models]
    request = Request(files, files[0], dataset, is_drawn=False, scale=scale, threads=1, trust_checkpoint=False)
    gates = gates_of(bench(request).result, BUDGET)
    return {Path(gate.artefact).stem: gate.met for gate in gates}


def test_a_wrong_mean_coordinates_in_fp16_and_shuffled_classes_meet_no_budget_and_a_sound_copy_does(
    tiny_synthetic_file: Path, tmp_path: Path
) -> None:
    write_split(tmp_path, "val", 16, size=PICTURE)
    dataset = CocoDataset(tmp_path / "val", tmp_path / "instances_val.json")
    breakings = {
        "mean": broken.wrong_mean,
        "coordinates": broken.half_coordinates,
        "classes": broken.shuffled_classes,
        "names": broken.shuffled_names,
    }

    met = met_by(tmp_path, onnx.load(tiny_synthetic_file), breakings, dataset, SCALE)

    assert met == {"sound": True, "mean": False, "coordinates": False, "classes": False, "names": False}


def test_swapped_channels_meet_no_budget_where_colours_tell(data_dir: Path, tmp_path: Path) -> None:
    """Drawn shapes have any colour; blood cells do not."""
    dataset = CocoDataset(data_dir / "bccd/images", data_dir / "bccd/annotations/instances_test.json").first(8)
    graph = onnx_from_model(load_model("tiny_bccd"), weights_sha256="0" * 64)

    met = met_by(tmp_path, graph, {"channels": broken.swapped_channels}, dataset, (480, 360))

    assert met == {"sound": True, "channels": False}
