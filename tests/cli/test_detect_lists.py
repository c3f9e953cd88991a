"""The files that `gridrt detect` lists its detections in, opened with other software."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from gridrt.cli.main import cli
from gridrt.data.image import save_image
from gridrt.data.video import video_writer
from tests.fakes import whole_image_graph

SIZES = [(48, 64), (64, 48), (40, 64), (64, 64), (48, 64)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that finds each image whole, and images of several sizes, the last of them black."""
    monkeypatch.chdir(tmp_path)
    onnx.save(whole_image_graph(), tmp_path / "model.onnx")
    for number, (height, width) in enumerate(SIZES):
        grey = 0 if number == len(SIZES) - 1 else 200 + 10 * number
        save_image(tmp_path / f"photos/{number}.png", np.full((height, width, 3), grey, np.uint8))
    annotations = {
        "images": [
            {"id": 70 - number, "file_name": f"{number}.png", "width": width, "height": height}
            for number, (height, width) in enumerate(SIZES)
        ],
        "categories": [{"id": 5, "name": "scene"}],
        "annotations": [
            {
                "id": number + 1,
                "image_id": 70 - number,
                "category_id": 5,
                "bbox": [0, 0, width - 9 * (number == 2), height],
            }
            | {"area": 900, "iscrowd": 0}
            for number, (height, width) in enumerate(SIZES)
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(annotations))
    return tmp_path


def gridrt(verb: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [verb, "--scale", "96", "64", *arguments], catch_exceptions=False)


def test_without_copies_no_folder_is_made() -> None:
    result = gridrt("detect", "photos", "--no-draw", "--jsonl", "found.jsonl")

    assert result.exit_code == 0
    assert "drawn" not in result.stdout
    assert ", listed in found.jsonl, " in result.stdout
    assert not Path("detections").exists()


def test_json_lines_hold_what_the_json_list_holds_whatever_the_batch() -> None:
    gridrt("detect", "photos", "--no-draw", "--json", "found.json", "--jsonl", "found.jsonl")
    result = gridrt("detect", "photos", "--no-draw", "--jsonl", "-", "--batch", "3", "--workers", "2")

    listed = json.loads(Path("found.json").read_text())
    assert [json.loads(line) for line in Path("found.jsonl").read_text().splitlines()] == listed
    assert [json.loads(line) for line in result.stdout.splitlines()] == listed
    assert result.stderr.startswith("4 objects in 5 images")


def test_two_lists_on_stdout_are_refused() -> None:
    assert gridrt("detect", "photos", "--json", "-", "--jsonl", "-").exit_code == 2


def average_precision(annotations: str, results: str) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(annotations)
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def test_coco_results_with_ids_of_a_file_have_the_ap_of_evaluate() -> None:
    with_ids = ("--coco-results", "found.json", "--coco-ids", "annotations.json", "--score-threshold", "0")
    gridrt("detect", "photos", "--no-draw", "--batch", "2", *with_ids)
    data = ("--images", "photos", "--annotations", "annotations.json")
    gridrt("evaluate", "model.onnx", *data, "--json", "figures.json", "--results", "results.json")

    assert json.loads(Path("found.json").read_text()) == json.loads(Path("results.json").read_text())
    ap = average_precision("annotations.json", "found.json")
    assert 0.5 < ap < 1
    assert json.loads(Path("figures.json").read_text())["overall"]["ap"] == pytest.approx(ap, abs=1e-9)


def test_coco_results_with_numbers_come_with_the_images_that_they_count() -> None:
    gridrt("detect", "photos", "--no-draw", "--coco-results", "found.json")

    with contextlib.redirect_stdout(io.StringIO()):
        listed = COCO("found.images.json")
        found = listed.loadRes("found.json")
    assert [one["file_name"] for one in listed.loadImgs(listed.getImgIds())] == [f"photos/{n}.png" for n in range(5)]
    assert [one["name"] for one in listed.loadCats(listed.getCatIds())] == ["scene"]
    assert sorted(found.getImgIds()) == [1, 2, 3, 4, 5]
    assert [one["image_id"] for one in found.dataset["annotations"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("photos", "--coco-ids", "annotations.json"), "--coco-ids: ids must come with"),
        (("clip.mp4", "--coco-results", "found.json"), "clip.mp4: "),
        (("other.png", "--coco-results", "found.json", "--coco-ids", "annotations.json"), "annotations.json: "),
        (("photos", "--coco-results", "photos/0.png"), "photos/0.png: this would overwrite"),
        (("photos", "--jsonl", "annotations.json", "--coco-results", "a.json", "--coco-ids", "annotations.json"),
         "annotations.json: this would overwrite"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be_made_are_refused_before_the_work(arguments: tuple[str, ...], told: str) -> None:
    save_image("other.png", np.zeros((8, 8, 3), np.uint8))
    before = sorted(Path().iterdir())

    result = gridrt("detect", *arguments)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {told}")
    assert sorted(Path().iterdir()) == before


def test_parquet_has_a_row_for_each_image_and_frame_of_one_schema() -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    with video_writer("clip.mp4", 10) as append:
        for _ in range(3):
            append(np.full((48, 64, 3), 255, np.uint8))
    gridrt("detect", "photos", "clip.mp4", "--no-draw", "--parquet", "found.parquet", "--json", "found.json")
    gridrt("detect", "photos/4.png", "--no-draw", "--parquet", "empty.parquet")

    table, empty = parquet.read_table("found.parquet"), parquet.read_table("empty.parquet")
    assert table.schema == empty.schema
    entries = json.loads(Path("found.json").read_text())
    assert table["file"].to_pylist() == [entry["file"] for entry in entries]
    assert table["frame"].to_pylist() == [None] * 5 + [0, 1, 2]
    assert table["boxes"].to_pylist() == [[one["box"] for one in entry["detections"]] for entry in entries]
    scores = [one["score"] for entry in entries for one in entry["detections"]]
    np.testing.assert_allclose([one for row in table["scores"].to_pylist() for one in row], scores, rtol=1e-6)
    np.testing.assert_allclose(table["seconds"].to_pylist()[5:], [0, 0.1, 0.2], atol=1e-3)
    assert empty["boxes"].to_pylist() == [[]]


def test_pandas_reads_lines_and_parquet() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    gridrt("detect", "photos", "--no-draw", "--parquet", "found.parquet", "--jsonl", "found.jsonl")

    lines, rows = pandas.read_json("found.jsonl", lines=True), pandas.read_parquet("found.parquet")
    assert list(lines["file"]) == list(rows["file"]) == [f"photos/{number}.png" for number in range(5)]
    assert [len(each) for each in rows["scores"]] == [len(each) for each in lines["detections"]] == [1, 1, 1, 1, 0]
