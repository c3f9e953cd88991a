from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from gridrt.cli.bench import QUICK_RUNS
from gridrt.cli.main import cli
from gridrt.data.image import save_image
from tests.bench.test_bench import HALF_SIZED, write
from tests.datasets import write_dataset
from tests.in_process import InProcess

ARGUMENTS = ("bench", "--scale", "64", "48", "--threads", "1", "--runs", "1")
HALF_IF_DARK = HALF_SIZED.replace(
    "two = Constant<value_float: float = 2.0>()",
    "colors = Cast<to: int = 1>(images)\n"
    "image_axes = Constant<value_ints: ints = [1, 2, 3]>()\n"
    "mean = ReduceMean<keepdims: int = 0>(colors, image_axes)\n"
    "limit = Constant<value_float: float = 80.0>()\n"
    "is_dark = Less(mean, limit)\n"
    "number = Cast<to: int = 1>(is_dark)\n"
    "one = Constant<value_float: float = 1.0>()\n"
    "divisor = Add(number, one)\n"
    "two = Unsqueeze(divisor, row)",
)
ON_THE_SET = ("--images", "images", "--annotations", "images/annotations.json")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with three images of a scene, a graph that finds it, and one that finds half of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gridrt.bench.candidates.CandidateProcess", InProcess)
    monkeypatch.setattr("gridrt.bench.interleave.REST_SECONDS", 0)
    monkeypatch.setattr("gridrt.runtime.peaks.TRIES", 1)
    content: dict[str, Any] = {
        "images": [{"id": number, "file_name": f"{number}.png", "width": 64, "height": 48} for number in range(3)],
        "categories": [{"id": 1, "name": "scene"}],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, 64, 48]} for n in range(3)],
    }
    (tmp_path / "images").mkdir()
    write_dataset(tmp_path / "images", content)
    for number in range(3):
        save_image(tmp_path / f"images/{number}.png", np.full((48, 64, 3), 60 * (number + 1), np.uint8))
    write("whole.onnx")
    write("half.onnx", HALF_SIZED)
    return tmp_path


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*ARGUMENTS, *arguments], catch_exceptions=False)


@pytest.mark.parametrize(("other", "reference", "status"), [("a.onnx", "b.onnx", 1), ("b.onnx", "a.onnx", 0)])
def test_a_reference_that_was_not_measured_sets_the_exit_status(other: str, reference: str, status: int) -> None:
    write("a.onnx")
    Path("b.onnx").write_bytes(b"no graph")

    assert bench(other, "--reference", reference, *ON_THE_SET).exit_code == status


def test_tables_conditions_and_one_line_are_printed() -> None:
    result = bench("whole.onnx", "half.onnx", *ON_THE_SET, "--json", "out.json")

    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[1].split()[:4] == ["whole.onnx", "fp32", "0.0", "100.00"]
    assert lines[2].split()[:4] == ["half.onnx", "fp32", "0.0", "0.00"]
    assert lines[3].split()[0] == "-100.00"
    assert "reference whole.onnx; 3 of 3 images" in result.stdout
    assert lines[-1].startswith("2 models measured on 3 of 3 images, in out.json, ")
    assert lines[-1].endswith("Next: gridrt compare whole.onnx half.onnx --images images")
    assert json.loads(Path("out.json").read_text())["complete"] is True


@pytest.mark.parametrize(("limit", "status"), [("100", 0), ("99.9", 3)])
def test_a_gate_sets_the_exit_status(limit: str, status: int) -> None:
    result = bench("whole.onnx", "half.onnx", *ON_THE_SET, "--max-ap-drop", limit, "--json", "out.json")

    assert result.exit_code == status
    assert ("NOT MET" in result.stdout) == (status == 3)
    [gate] = json.loads(Path("out.json").read_text())["gates"]
    assert (gate["row"], gate["met"]) == ("half.onnx", status == 0)


def test_without_models_all_in_the_folder_are_measured_on_synthetic_images() -> None:
    result = bench("--max-images", "2")

    assert result.exit_code == 0
    assert "2 models measured on 2 of 2 images" in result.stdout
    assert "no AP: the synthetic images show other classes" in result.stdout


def test_a_model_that_is_not_measured_is_reported_and_the_others_go_on() -> None:
    Path("damaged.onnx").write_bytes(b"damaged")

    result = bench("whole.onnx", "damaged.onnx", *ON_THE_SET)

    assert result.exit_code == 0
    assert "damaged.onnx: NOT MEASURED: damaged.onnx: " in result.stdout
    assert "whole.onnx" in result.stdout.splitlines()[1]


def test_missing_images_may_be_left_out() -> None:
    min(Path("images").iterdir()).unlink()

    refused, allowed = (bench("whole.onnx", *ON_THE_SET, *more) for more in ((), ("--allow-missing",)))

    assert (refused.exit_code, allowed.exit_code) == (1, 0)
    assert "--allow-missing" in refused.stderr
    assert "1 model measured on 2 of 2 images" in allowed.stdout


def test_missing_files_are_an_error_before_the_runs() -> None:
    result = bench("whole.onnx", "absent.onnx", *ON_THE_SET)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "absent.onnx" in result.stderr


@pytest.mark.parametrize(("limit", "status"), [("100", 1), ("99.9", 3)])
def test_images_that_cannot_be_read_are_named_and_set_the_exit_status_unless_a_gate_fails(
    limit: str, status: int
) -> None:
    Path("images/1.png").write_bytes(b"damaged")

    result = bench("whole.onnx", "half.onnx", *ON_THE_SET, "--max-ap-drop", limit)

    assert result.exit_code == status
    assert result.stderr.startswith("error: images/1.png: ")
    assert "2 models measured on 2 of 3 images" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--decidable",), 3)])
def test_too_few_images_to_decide_a_gate_set_the_exit_status_where_that_is_asked_for(
    options: tuple[str, ...], status: int
) -> None:
    """One of three images is lost: from none to all may be lost in a resample."""
    write("partly.onnx", HALF_IF_DARK)

    result = bench("whole.onnx", "partly.onnx", *ON_THE_SET, "--max-ap-drop", "80", *options)

    assert "met, not decidable on 3 images" in result.stdout
    assert result.exit_code == status


def test_quick_takes_few_images_and_runs_and_leaves_out_the_stages() -> None:
    arguments = ["bench", "tiny_synthetic", "--scale", "64", "64", "--quick", "--json", "out.json"]

    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)

    content = json.loads(Path("out.json").read_text())
    assert result.exit_code == 0
    assert content["conditions"]["images"] == QUICK_RUNS
    assert len(content["rows"][0]["speed"]["seconds"]["session"]) == QUICK_RUNS
    assert content["rows"][0]["stages"] == []


def test_stages_are_left_out_where_that_is_asked_for() -> None:
    bench("tiny_synthetic", "--max-images", "1", "--no-stages", "--json", "out.json")

    assert json.loads(Path("out.json").read_text())["rows"][0]["stages"] == []


def test_control_c_leaves_the_figures_so_far_marked_as_partial(monkeypatch: pytest.MonkeyPatch) -> None:
    call, calls = InProcess.call, []

    def interrupted(candidate: InProcess, method: str, *arguments: object) -> Any:  # noqa: ANN401 - as the original
        calls.append(method)
        if method == "detect" and calls.count("detect") == 6:  # 3 to warm up, 2 that count
            raise KeyboardInterrupt
        return call(candidate, method, *arguments)

    monkeypatch.setattr(InProcess, "call", interrupted)

    result = bench("whole.onnx", *ON_THE_SET, "--json", "out.json")

    content = json.loads(Path("out.json").read_text())
    assert result.exit_code == 130
    assert (content["complete"], content["conditions"]["images_done"], content["conditions"]["images"]) == (False, 2, 3)
    assert content["rows"][0]["accuracy"]["images"] == 2
    assert "interrupted" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_place_that_cannot_be_written_is_refused_before_the_runs(option: str) -> None:
    result = bench("whole.onnx", *ON_THE_SET, option, "images")

    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert "images" in result.stderr


def test_a_result_does_not_overwrite_a_model() -> None:
    result = bench("whole.onnx", *ON_THE_SET, "--json", "whole.onnx")

    assert result.exit_code == 1
    assert "whole.onnx" in result.stderr
    assert "overwrite" in result.stderr


def test_images_and_annotations_go_together() -> None:
    result = bench("whole.onnx", "--images", "images")

    assert result.exit_code == 2
    assert "--images and --annotations go together." in result.stderr


def test_an_empty_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    result = bench()

    assert result.exit_code == 1
    assert "model" in result.stderr


def test_an_annotation_file_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")

    result = bench("whole.onnx", "--images", "images", "--annotations", "empty.json")

    assert result.exit_code == 1
    assert "empty.json" in result.stderr


def test_each_named_backend_is_a_row() -> None:
    result = bench("tiny_bccd", "whole.onnx", "--max-images", "1", "--backend", "pytorch", "--json", "out.json")

    assert result.exit_code == 0
    rows = json.loads(Path("out.json").read_text())["rows"]
    assert [(row["artefact"], row["backend"]) for row in rows] == [
        ("tiny_bccd", "pytorch"),
        ("whole.onnx", "onnxruntime"),
    ]


def test_a_backend_that_opens_none_of_the_models_is_an_error() -> None:
    result = bench("whole.onnx", *ON_THE_SET, "--backend", "pytorch")

    assert result.exit_code == 1
    assert "pytorch" in result.stderr
    assert "--backend" in result.stderr


def test_two_spellings_of_a_file_are_one_row() -> None:
    result = bench("whole.onnx", "./half.onnx", "half.onnx", "--reference", "./whole.onnx", *ON_THE_SET)

    assert "2 models measured" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("Next: gridrt compare ./whole.onnx ./half.onnx --images images")


def test_a_model_alone_is_not_compared_with_itself() -> None:
    result = bench("whole.onnx", *ON_THE_SET)

    assert result.stdout.splitlines()[-1].endswith("Next: gridrt inspect whole.onnx")


def test_a_gate_is_a_number() -> None:
    result = bench("whole.onnx", *ON_THE_SET, "--min-fps", "nan")

    assert result.exit_code == 2
    assert "'nan' is not a number." in result.stderr


def test_file_names_that_are_not_utf_8_can_be_written(tmp_path: Path) -> None:
    Path("images").rename(os.fsdecode(b"images\xff"))
    where = ("--images", os.fsdecode(b"images\xff"), "--annotations", os.fsdecode(b"images\xff/annotations.json"))

    result = bench("whole.onnx", *where, "--html", "out.html", "--json", "out.json")

    assert result.exit_code == 0
    assert "images\\udcff" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_batches_and_streams_are_a_table_and_in_the_figures() -> None:
    both = ("--batch", "1,2", "--streams", "2")
    result = bench("whole.onnx", "--backend", "openvino", "--max-images", "1", *both, "--json", "out.json")

    assert result.exit_code == 0, result.output
    found = json.loads(Path("out.json").read_text())
    assert found["conditions"]["streams"] == 2
    (row,) = found["rows"]
    assert list(row["throughput"]) == ["1", "2"]
    assert min(row["throughput"].values()) > 0
    assert "images per second, by batch" in result.stdout


@pytest.mark.parametrize("sizes", ["0", "1,,2", "two", "1;2"])
def test_batches_are_positive_numbers(sizes: str) -> None:
    result = bench("whole.onnx", "--batch", sizes)

    assert result.exit_code == 2
    assert "--batch" in result.stderr
