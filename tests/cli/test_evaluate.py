from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.data.image import load_image, save_image
from tests.datasets import write_dataset
from tests.fakes import whole_image_graph
from tests.test_processes import outcomes_together, run_together

CONTENT: dict[str, Any] = {
    "images": [{"id": n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in range(5)],
    "categories": [{"id": 1, "name": "scene"}],
    # All but the darkest picture show one large scene; in two of them it is only the left third.
    "annotations": [
        {"id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, 64 if n > 2 else 20, 48]} for n in range(1, 5)
    ],
}
ARGUMENTS = ("evaluate", "--scale", "64", "48", "--images", "images", "--annotations", "images/annotations.json")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a model that finds each picture whole, the brighter the surer, and five pictures."""
    monkeypatch.chdir(tmp_path)
    onnx.save(whole_image_graph(), tmp_path / "model.onnx")
    (tmp_path / "images").mkdir()
    write_dataset(tmp_path / "images", CONTENT)
    for number in range(5):
        save_image(tmp_path / f"images/{number}.png", np.full((48, 64, 3), 50 * (number + 1), np.uint8))
    return tmp_path


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*ARGUMENTS, *arguments], catch_exceptions=False)


def test_a_table_the_conditions_and_one_line_are_printed() -> None:
    result = evaluate()

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["objects", "AP", "AP50", "AP75", "AP80", "AP90", "small", "medium", "large"]
    assert lines[1].startswith("all classes")
    assert lines[2].split() == ["scene", "4", *lines[1].split()[3:]]
    assert "model.onnx" in lines[3]
    assert "scale 64 x 48 (as asked)" in lines[3]
    assert " by onnxruntime " in lines[3]
    assert lines[3].endswith(", 1 process")
    assert lines[3].startswith("in points of 100: ")
    assert lines[4].startswith("AP 5")
    assert "on 5 images" in lines[4]
    assert result.stderr == ""


def test_the_next_command_can_be_pasted_into_a_shell(folder: Path) -> None:
    (folder / "model.onnx").rename(folder / "my model.onnx")

    assert evaluate().stdout.endswith("Next: gridrt detect IMAGES --model 'my model.onnx'\n")


def test_figures_and_results_are_written() -> None:
    result = evaluate("--json", "out/figures.json", "--results", "out/results.json")

    figures = json.loads(Path("out/figures.json").read_text())
    results = json.loads(Path("out/results.json").read_text())
    assert figures["overall"]["objects"] == 4
    assert (figures["scale"], figures["scale_origin"]) == ([64, 48], "as asked")
    assert (figures["backend"].split()[0], figures["device"]) == ("onnxruntime", "cpu")
    assert (
        f"AP {100 * figures['overall']['ap']:.1f} on 5 images, in out/figures.json, out/results.json" in result.stdout
    )
    assert [one["image_id"] for one in results] == [0, 1, 2, 3, 4]
    assert results[0]["bbox"] == [0, 0, 64, 48]


def test_two_processes_find_what_one_finds(folder: Path) -> None:
    evaluate("--json", "one.json", "--results", "one_results.json")

    first, second = run_together(2, "-m", "gridrt", *ARGUMENTS, "--json", "two.json", "--results", "two_results.json")

    one, two = (json.loads((folder / name).read_text()) for name in ("one.json", "two.json"))
    assert (one.pop("processes"), two.pop("processes")) == (1, 2)
    del one["seconds"], two["seconds"]
    assert one == two
    assert (folder / "one_results.json").read_bytes() == (folder / "two_results.json").read_bytes()
    assert "AP 5" in first
    assert second == ""


def test_a_damaged_image_of_another_process_is_named_once_and_the_others_are_evaluated(folder: Path) -> None:
    (folder / "images/1.png").write_bytes(b"no image")  # the second process's

    first, second = outcomes_together(2, "-m", "gridrt", *ARGUMENTS)

    assert (first.returncode, second.returncode) == (1, 0)
    assert "images/1.png: " in first.stderr
    assert "on 4 images" in first.stdout
    assert [one.stderr.count("\n") for one in (first, second)] == [1, 0]


def test_curves_and_mistakes_are_drawn(folder: Path) -> None:
    pytest.importorskip("matplotlib")

    evaluate("--pictures", "pictures")

    drawn = sorted(path.name for path in (folder / "pictures").iterdir())
    # In both the object is missed; in the brighter one a wrong box is surer.
    assert drawn == ["mistakes_01_2.png", "mistakes_02_1.png", "precision_recall.png"]
    assert load_image(folder / "pictures/precision_recall.png").std() > 0
    assert load_image(folder / "pictures/mistakes_01_2.png").shape == (48, 64, 3)


def test_without_matplotlib_the_command_that_installs_it_is_told_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gridrt.report.figure.find_spec", lambda _: None)

    result = evaluate("--pictures", "pictures")

    assert result.exit_code == 1
    assert result.stderr == ("error: cannot draw curves: matplotlib is not installed. Run: pip install matplotlib\n")
    assert not Path("pictures").exists()


def test_a_bad_model_leaves_no_folder_for_pictures() -> None:
    pytest.importorskip("matplotlib")

    assert evaluate("--pictures", "pictures", "--model", "none.onnx").exit_code == 1
    assert not Path("pictures").exists()


def test_a_file_in_the_way_of_the_pictures_is_found_before_the_model_is_opened() -> None:
    pytest.importorskip("matplotlib")
    Path("pictures").touch()
    Path("none.onnx").touch()

    assert "pictures" in evaluate("--pictures", "pictures", "--model", "none.onnx").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--annotations", "none.json"), "error: none.json: "),
        (("--images", "nowhere"), "error: nowhere: "),
        (("--model", "none.onnx"), "none.onnx"),
    ],
)
def test_a_users_error_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    result = evaluate(*arguments)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


def test_a_backend_that_does_not_open_the_model_is_refused() -> None:
    result = evaluate("--backend", "pytorch")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "pytorch" in result.stderr


def test_other_classes_are_one_error_line(folder: Path) -> None:
    onnx.save(whole_image_graph(classes='["street"]'), folder / "model.onnx")

    result = evaluate()

    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert all(name in result.stderr for name in ("annotations.json: ", "scene", "street"))


def save_model(folder: Path, max_detections: int) -> None:
    model = whole_image_graph()
    model.metadata_props.add(key="gridrt.max_detections", value=str(max_detections))
    onnx.save(model, folder / "model.onnx")


def test_images_with_as_many_detections_as_the_model_can_return_are_counted_once(folder: Path) -> None:
    save_model(folder, 1)

    alone = evaluate()
    first, second = run_together(2, "-m", "gridrt", *ARGUMENTS)

    assert alone.stderr.startswith(
        "warning: 5 images with 1 detection, the most that the model returns, first images/0"
    )
    assert alone.stderr.count("\n") == 1
    assert (alone.exit_code, second) == (0, "")
    assert "at most 1 detections an image, 2 processes" in first


def test_of_more_detections_than_coco_counts_the_limit_is_told(folder: Path) -> None:
    save_model(folder, 300)

    result = evaluate("--json", "figures.json")

    assert "at most 300 detections an image, of which COCO counts 100 of a class, " in result.stdout
    assert json.loads((folder / "figures.json").read_text())["max_detections"] == 300


def test_the_model_is_an_argument_and_given_once(folder: Path) -> None:
    (folder / "model.onnx").rename(folder / "one.onnx")
    onnx.save(whole_image_graph(), folder / "other.onnx")

    assert evaluate("one.onnx").exit_code == evaluate("--model", "one.onnx").exit_code == 0
    assert "one.onnx" in evaluate("one.onnx").stdout
    twice = evaluate("one.onnx", "--model", "other.onnx")
    assert (twice.exit_code, "given twice" in twice.stderr) == (2, True)
    assert "--model" not in CliRunner().invoke(cli, ["evaluate", "--help"]).stdout


def test_in_tiles_images_are_evaluated_and_the_conditions_say_so(folder: Path) -> None:
    tiled = evaluate("--tile", "32", "--json", "figures.json", "--pictures", "pictures")

    figures = json.loads((folder / "figures.json").read_text())
    assert tiled.exit_code == 0
    assert "in tiles of 32 pixels, at most 100 detections a run, " in tiled.stdout
    assert (figures["tile"], figures["tile_overlap"]) == (32, 0.2)
    assert list((folder / "pictures").glob("mistakes_01_*.png"))


def test_detections_that_coco_does_not_count_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.eval.results.COCO_LIMIT", 0)

    result = evaluate()

    assert result.stderr.count("\n") == 1
    assert "5 of 5 are not counted, in 5 images" in result.stderr


def test_missing_images_may_be_left_out(folder: Path) -> None:
    (folder / "images/4.png").unlink()

    refused, allowed = evaluate(), evaluate("--allow-missing")

    assert (refused.exit_code, allowed.exit_code) == (1, 0)
    assert "--allow-missing" in refused.stderr
    assert "1 of 5 missing, first 4.png" in allowed.stderr
    assert "on 4 images" in allowed.stdout


def test_the_first_images_of_the_annotations_alone_are_evaluated() -> None:
    result = evaluate("--max-images", "2", "--json", "figures.json", "--results", "results.json")

    figures, results = (json.loads(Path(name).read_text()) for name in ("figures.json", "results.json"))
    assert (result.exit_code, "on 2 images" in result.stdout) == (0, True)
    assert (figures["max_images"], figures["overall"]["objects"]) == (2, 1)
    assert [one["image_id"] for one in results] == [0, 1]


def test_a_model_without_class_names_is_evaluated_in_order_of_the_categories_and_says_so(folder: Path) -> None:
    onnx.save(whole_image_graph(classes='["class 0"]'), folder / "model.onnx")

    result = evaluate("--annotations", str(folder / "images/annotations.json"))

    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: {folder}/images/annotations.json: the model has no class names")
    assert "class 0 is scene" in result.stderr
    assert "--class-names" in result.stderr
