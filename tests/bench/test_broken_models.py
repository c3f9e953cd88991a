"""Models that an export broke fail the gates of a bench; `tests/compare` finds where they are broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
import onnx.helper
import pytest
import torch
from click.testing import CliRunner
from onnx import ModelProto

from gridrt.bench.bench import benchmark
from gridrt.bench.gates import Gates
from gridrt.cli.main import cli
from gridrt.data.synthetic import write_split
from gridrt.graph.metadata import CLASSES_KEY, metadata_of
from gridrt.model.zoo import locate
from tests import broken
from tests.caffe_style import CONFIG, caffe_file
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


def test_coordinates_in_fp16_fail_the_budget_where_they_are_large_and_a_sound_copy_meets_it(
    tiny_synthetic_file: Path, tmp_path: Path
) -> None:
    write_split(tmp_path, "val", 8, size=SIZE)

    graph, where = onnx.load(tiny_synthetic_file), (tmp_path / "val", tmp_path / "instances_val.json")
    met = met_by(tmp_path, graph, {"coordinates": broken.half_coordinates}, *where, SCALE, 8)

    assert met == {"sound": True, "coordinates": False}


def test_swapped_channels_fail_the_budget_where_colours_matter(
    data_dir: Path, tiny_bccd_file: Path, tmp_path: Path
) -> None:
    """Synthetic shapes have any colour; blood cells do not."""
    where = (data_dir / "bccd/images", data_dir / "bccd/annotations/instances_test.json")
    graph, breakings = onnx.load(tiny_bccd_file), {"channels": broken.swapped_channels}

    met = met_by(tmp_path, graph, breakings, *where, (480, 360), 4)

    assert met == {"sound": True, "channels": False}


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With four images to bench on."""
    write_split(tmp_path, "val", 4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gates_of(*models: str, limit: str = "100") -> tuple[int, list[bool]]:
    """The exit status of a bench whose limits are as loose as can be, and whether the gates are met."""
    on = ("--images", "val", "--annotations", "instances_val.json", "--threads", "1", "--runs", "1", "--no-stages")
    arguments = ("bench", *models, *on, "--max-ap-drop", limit, "--min-fps", "0", "--json", "bench.json")
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    return result.exit_code, [gate["met"] for gate in json.loads(Path("bench.json").read_text())["gates"]]


@pytest.mark.usefixtures("working_folder")
def test_a_pair_whose_scales_differ_meets_no_gate(tiny_synthetic_file: Path) -> None:
    graph = onnx.load(tiny_synthetic_file)
    onnx.save(graph, "a.onnx")
    rule = json.loads(metadata_of(graph)["gridrt.input"]) | {"scale": [160, 128]}
    onnx.helper.set_model_props(graph, metadata_of(graph) | {"gridrt.input": json.dumps(rule)})
    onnx.save(graph, "b.onnx")

    status, met = gates_of("a.onnx", "b.onnx")

    assert (status, any(met)) == (3, False)


@pytest.mark.usefixtures("working_folder")
@pytest.mark.parametrize("breaking", [broken.nan_boxes, broken.nan_scores])
def test_a_graph_of_nan_meets_no_gate(tiny_synthetic_file: Path, breaking: Breaking) -> None:
    graph = onnx.load(tiny_synthetic_file)
    onnx.save(graph, "a.onnx")
    onnx.save(breaking(graph), "b.onnx")

    status, met = gates_of("a.onnx", "b.onnx")

    assert (status, any(met)) == (3, False)


@pytest.mark.usefixtures("working_folder")
def test_a_caffe_style_file_is_met_by_its_detector_and_not_by_a_graph_that_ignores_its_config(
    tiny_synthetic_file: Path,
) -> None:
    graph = onnx.load(tiny_synthetic_file)
    weights = torch.load(locate("tiny_synthetic"), map_location="cpu", weights_only=True)["state_dict"]
    names = json.loads(metadata_of(graph)[CLASSES_KEY])
    caffe_file(Path("caffe.pth"), weights, names, CONFIG.replace("(480, 360)", "(320, 256)"))
    onnx.save(graph, "sound.onnx")  # other pixels, and weights for them: the same detector
    onnx.save(broken.caffe_weights_alone(graph), "blind.onnx")

    status, met = gates_of("caffe.pth", "sound.onnx", "blind.onnx", limit="0.5")

    assert (status, met) == (3, [True, True, False, True])


@pytest.mark.usefixtures("working_folder")
def test_graphs_with_a_wrong_mean_shuffled_classes_or_shuffled_names_meet_no_gate_on_ap(
    tiny_synthetic_file: Path,
) -> None:
    graph = onnx.load(tiny_synthetic_file)
    breakings = {
        "mean": broken.wrong_mean,
        "classes": broken.shuffled_classes,
        "names": broken.shuffled_names,
    }

    where = (Path("val"), Path("instances_val.json"))
    met = met_by(Path(), graph, breakings, *where, (160, 128), 4)

    assert met == {"sound": True, "mean": False, "classes": False, "names": False}
