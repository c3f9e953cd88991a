"""`gridrt calibrate` from the command line, on a detector that runs in a millisecond."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.api import open_detector
from gridrt.calib import observe
from gridrt.calib.recipe import load_recipe, recipe_text
from gridrt.cli.main import cli
from gridrt.data.image import load_image, save_image
from gridrt.files import sha256_of
from gridrt.model.zoo import SHIPPED
from gridrt.runtime import open_session
from gridrt.types import UInt8Array
from tests.calib.small_detector import small_recipe, write_detector, write_pictures, write_truth

GRID = "roi_head.grid_head.convs.0"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a graph, four annotated pictures and a recipe."""
    monkeypatch.chdir(tmp_path)
    graph = write_detector(tmp_path / "cells.onnx")
    write_pictures(tmp_path / "images")
    write_truth(tmp_path / "truth.json", tmp_path / "images", graph)
    (tmp_path / "own.toml").write_text(recipe_text(small_recipe()))
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["calibrate", *map(str, arguments)], catch_exceptions=False)


def calibrate(*arguments: object) -> Result:
    return run("--images", "images", "--recipe", "own.toml", "--threads", "1", *arguments)


def files(folder: Path) -> set[str]:
    """What a command left in the folder."""
    return {path.name for path in folder.iterdir()} - {"cells.onnx", "images", "truth.json", "own.toml"}


def notes_in(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_the_file_is_named_after_the_only_graph_here_and_told_with_the_next_command(folder: Path) -> None:
    result = calibrate()

    assert (result.exit_code, result.stderr) == (0, "")
    compared, done = result.stdout.splitlines()
    assert compared.startswith("in 4 images ")
    assert "of 3 detections of the original are kept" in compared
    assert done.startswith("own for tensorrt, ranges of 4 images, in cells.own.onnx, ")
    assert done.endswith("Next: gridrt evaluate cells.own.onnx --images DIR --annotations FILE")
    assert files(folder) == {"cells.own.onnx", "cells.calibration.npz"}
    open_session(folder / "cells.own.onnx")


def test_build_engine_writes_the_same_bytes(folder: Path) -> None:
    calibrate("--cache", "one.npz", "--out", "one.onnx")
    arguments = "--recipe own.toml --images images --threads 1 --onnx-only --cache two.npz --out two.engine"
    other = CliRunner().invoke(cli, ["build-engine", "--model", "cells.onnx", *arguments.split()])

    assert other.exit_code == 0, other.output
    assert files(folder) == {"one.npz", "one.onnx", "two.npz", "two.onnx"}
    assert (folder / "one.onnx").read_bytes() == (folder / "two.onnx").read_bytes()


def test_the_file_tells_its_parent_recipe_and_calibration(folder: Path) -> None:
    calibrate("--method", "entropy", "--max-images", 3, "--scale", 64, 32, "--target", "cpu")

    notes = notes_in(folder / "cells.own.cpu.onnx")
    assert notes["gridrt.parent_sha256"] == sha256_of(folder / "cells.onnx")
    assert (notes["gridrt.precision"], notes["gridrt.target"]) == ("own", "cpu")
    assert json.loads(notes["gridrt.calibration"]) == {"method": "entropy", "images": 3, "scale": [64, 32]}
    assert notes["gridrt.recipe"] == (folder / "own.toml").read_text()


def test_figures_are_written_for_programs(folder: Path) -> None:
    result = calibrate("--annotations", "truth.json", "--sensitivity", "--json", "out/figures.json")

    figures = json.loads((folder / "out/figures.json").read_text())
    assert result.exit_code == 0
    assert figures["recipe"] == "own"
    assert figures["calibration"]["images"] == 4
    assert figures["fidelity"]["detections"] == 3
    assert figures["ap"] == pytest.approx(100)
    assert figures["ap_after"] == pytest.approx(0)
    assert figures["kept_in_fp16"] == []
    costliest = figures["blocks"][0]
    assert (costliest["block"], costliest["nodes"]) == (GRID, 1)
    assert costliest["loss"]["ap_drop"] == pytest.approx(100)
    assert "AP 100.00 in FP32, 0.00 in own" in result.stdout
    low, high = figures["ap_drop_interval"]
    assert f"AP lost: +100.00 (95 % interval {low:+.2f} to {high:+.2f})" in result.stdout


def test_sensitivity_is_a_table_the_costliest_block_first() -> None:
    lines = calibrate("--sensitivity").stdout.splitlines()

    assert lines[0].split() == ["in", "INT8", "alone", "nodes", "disagreement", "AP", "lost"]
    assert lines[1].split()[:2] == [GRID, "1"]
    assert lines[1].split()[3] == "-"  # without annotations
    assert {line.split()[0] for line in lines[2:5]} == {
        "backbone.conv1",
        "backbone.layer1",
        "roi_head.bbox_head.fc_cls",
    }


def test_for_a_budget_a_mixture_and_its_recipe_are_written(folder: Path) -> None:
    result = calibrate("--annotations", "truth.json", "--max-ap-drop", "1")

    assert result.exit_code == 0
    assert files(folder) == {"cells.mixed.onnx", "cells.mixed.toml", "cells.calibration.npz"}
    assert f"left in FP16 for what INT8 costs: {GRID}; recipe in cells.mixed.toml" in result.stdout
    assert "AP 100.00 in FP32, " in result.stdout
    assert notes_in(folder / "cells.mixed.onnx")["gridrt.precision"] == "mixed"
    mixed = load_recipe(folder / "cells.mixed.toml")
    assert mixed.rules[-1].nodes.startswith(GRID)
    again = run("--images", "images", "--recipe", "cells.mixed.toml", "--out", "again.onnx")
    assert again.exit_code == 0
    assert onnx.load(folder / "again.onnx").graph == onnx.load(folder / "cells.mixed.onnx").graph


def test_a_budget_that_is_not_met_is_exit_3_and_the_best_is_there_to_be_looked_at(folder: Path) -> None:
    write_detector(folder / "cells.onnx", offset=4096.0)  # more than FP16 can carry

    result = calibrate("--annotations", "truth.json", "--max-ap-drop", "1", "--json", "figures.json")

    assert result.exit_code == 3
    assert "gate not met: more than 1 points of AP are lost" in result.stderr
    assert files(folder) == {"cells.mixed.onnx", "cells.mixed.toml", "cells.calibration.npz", "figures.json"}
    assert len(json.loads((folder / "figures.json").read_text())["kept_in_fp16"]) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--max-ap-drop", "1"), "--annotations"),
        (("--max-ap-drop", "-1", "--annotations", "truth.json"), "--max-ap-drop"),
        (("--max-images", "0"), "--max-images"),
        (("--method", "guess"), "--method"),
        (("--target", "dla"), "--target"),
        (("--scale", "64"), "--scale"),
        (("--bits", "4"), "--bits"),
    ],
)
def test_a_wrong_option_is_exit_2_and_nothing_is_done(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    result = calibrate(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert files(folder) == set()


def test_images_must_be_named() -> None:
    assert run().exit_code == 2


BAD_RECIPE = recipe_text(small_recipe()).replace("backbone*", "bakcbone*")

MISTAKES = {
    "no such graph": (("--model", "r50.onnx"), "error: r50.onnx: "),
    "no such folder": (("--images", "nowhere"), "error: nowhere: "),
    "a folder without pictures": (("--images", "empty"), "error: empty: "),
    "pictures without objects": (("--images", "dark"), "error: dark: "),
    "a broken picture": (("--images", "broken"), "broken.png"),
    "no such annotations": (("--annotations", "none.json"), "error: none.json: "),
    "no such recipe": (("--recipe", "int9"), "error: --recipe: "),
    "a recipe with a typo": (("--recipe", "typo.toml"), "Near it: backbone"),
    "a recipe without INT8": (("--recipe", "half.toml"), "error: half.toml: "),
    "a shipped recipe that does not fit": (("--recipe", "int8"), "rules[1].nodes: "),
    "a cache that is none": (("--cache", "words.npz"), "error: words.npz: "),
    "a name that is no graph's": (("--out", "cells.engine"), "error: cells.engine: "),
    "the graph itself as output": (("--out", "cells.onnx"), "(found the input cells.onnx)"),
    "the recipe as figures": (("--json", "own.toml"), "(found the input own.toml)"),
    "one file for two results": (("--json", "x.npz", "--cache", "x.npz"), "(found the result x.npz)"),
    "an output in a file": (("--out", "own.toml/x.onnx"), "error: own.toml/x.onnx: "),
    "figures in a folder's place": (("--json", "images"), "error: images: "),
    "a scale beyond all": (("--scale", "100000", "100"), "(found (100000, 100))"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_users_mistake_is_exit_1_one_line_and_nothing_half_written(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    for name in ("empty", "dark", "broken"):
        (folder / name).mkdir()
    (folder / "images/0.png").rename(folder / "dark/0.png")
    (folder / "broken/broken.png").write_bytes((folder / "images/1.png").read_bytes()[:200])
    (folder / "typo.toml").write_text(BAD_RECIPE)
    (folder / "half.toml").write_text(recipe_text(small_recipe()).replace('"int8"', '"fp16"'))
    (folder / "words.npz").write_text("words")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    result = calibrate(*arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    after = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    after.pop(folder / "cells.calibration.npz", None)  # what was seen is kept: it is sound
    assert after == before


def test_a_graph_that_is_in_int8_already_is_not_taken_again() -> None:
    calibrate()

    result = calibrate("--model", "cells.own.onnx")

    assert result.exit_code == 1
    assert "error: cells.own.onnx: " in result.stderr
    assert "recipe own" in result.stderr
    assert calibrate().exit_code == 0  # the one in FP32 is the only one here


def test_of_several_graphs_none_is_taken(folder: Path) -> None:
    write_detector(folder / "other.onnx")

    result = calibrate()

    assert result.exit_code == 1
    assert "(found cells.onnx, other.onnx)" in result.stderr


class Images:
    """Loads images, notes which, and is interrupted after some."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.interrupt_after = interrupt_after
        self.names: list[str] = []

    def __call__(self, path: Path) -> UInt8Array:
        if len(self.names) == self.interrupt_after:
            raise KeyboardInterrupt
        self.names.append(path.name)
        return load_image(path)


def test_an_interrupted_run_is_exit_130_leaves_no_graph_and_the_next_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe, "SAVE_SECONDS", -1.0)
    first, second = Images(interrupt_after=2), Images()

    monkeypatch.setattr(observe, "load_image", first)
    interrupted = calibrate()
    left = files(folder)
    monkeypatch.setattr(observe, "load_image", second)
    resumed = calibrate()

    assert (interrupted.exit_code, interrupted.stdout, interrupted.stderr) == (130, "", "interrupted\n")
    assert left == {"cells.calibration.npz"}
    assert resumed.exit_code == 0
    assert sorted(first.names + second.names) == ["0.png", "1.png", "2.png", "3.png"]
    assert min(len(first.names), len(second.names)) > 0
    content = onnx.load(folder / "cells.own.onnx").graph
    calibrate("--cache", "anew.npz")
    assert onnx.load(folder / "cells.own.onnx").graph == content


def test_an_interruption_while_recipes_are_tried_leaves_the_graph_of_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cells.own.onnx").write_bytes(b"of before")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gridrt.calib.evaluation.apply_recipe", interrupted)
    result = calibrate("--model", "cells.onnx", "--sensitivity")

    assert result.exit_code == 130
    assert (folder / "cells.own.onnx").read_bytes() == b"of before"
    assert files(folder) == {"cells.own.onnx", "cells.calibration.npz"}


def test_another_method_or_target_uses_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = Images()
    monkeypatch.setattr(observe, "load_image", pictures)

    for arguments in (("--method", "mse"), ("--method", "minmax"), ("--target", "cpu"), ("--sensitivity",)):
        assert calibrate("--model", "cells.onnx", *arguments).exit_code == 0

    assert len(pictures.names) == 4


def test_a_full_disk_leaves_no_graph(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.suffix != ".onnx":
            return write_bytes(path, content)
        write_bytes(path, content[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    result = calibrate("--out", folder / "x.onnx")

    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert files(folder) == {"cells.calibration.npz"}


def test_the_next_command_can_be_pasted_into_a_shell(folder: Path) -> None:
    result = calibrate("--out", "my cells.onnx")

    assert "Next: gridrt evaluate 'my cells.onnx' --images DIR" in result.stdout
    assert (folder / "my cells.onnx").exists()


@pytest.mark.parametrize("target", ["tensorrt", "cpu"])
def test_a_real_detector_by_the_recipe_that_ships(
    folder: Path, exported: Callable[[str], Path], photo: Callable[[str], UInt8Array], target: str
) -> None:
    """One picture is a calibration set; the graph need not lie here, its results do."""
    (folder / "one").mkdir()
    save_image(folder / "one/coffee.png", photo("coffee_crop"))

    result = run(
        *("--model", exported("tiny"), "--images", "one", "--scale", 160, 128, "--target", target, "--threads", 1)
    )

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("in 1 image ")
    name = "tiny.int8.onnx" if target == "tensorrt" else "tiny.int8.cpu.onnx"
    assert f"int8 for {target}, ranges of 1 images, in {name}" in result.stdout
    assert files(folder) == {name, "tiny.calibration.npz", "one"}
    assert (folder / name).stat().st_size < 0.35 * exported("tiny").stat().st_size
    (found,) = open_detector(folder / name, (160, 128))([photo("coffee_crop")])
    assert len(found) > 50


def test_from_the_shell(folder: Path, root: Path) -> None:
    """As a user types it; a pipe gets no progress bar."""
    command = ("calibrate", "--images", "images", "--recipe", "own.toml")
    environment = {**os.environ, "PYTHONPATH": str(root)}

    done = subprocess.run(
        [sys.executable, "-m", "gridrt", *command], capture_output=True, text=True, check=True, env=environment
    )

    assert done.stderr == ""
    assert done.stdout.count("\n") == 2
    assert files(folder) == {"cells.own.onnx", "cells.calibration.npz"}


def test_images_that_cannot_be_read_are_named_and_left_out(folder: Path) -> None:
    whole = (folder / "images/1.png").read_bytes()
    for name in ("a.png", "b.png"):
        (folder / "images" / name).write_bytes(whole[:200])

    result = calibrate("--json", "figures.json")

    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: calibration leaves out images: 2 of 6 images cannot be read: images/a.png: "
    )
    assert "; also images/b.png" in result.stderr
    assert result.stderr.count("\n") == 1
    assert "ranges of 4 images" in result.stdout
    assert json.loads((folder / "figures.json").read_text())["calibration"]["images"] == 4
    assert calibrate("--model", "cells.onnx").stderr == result.stderr  # also from the cache


def test_of_images_that_cannot_be_read_for_the_most_part_no_graph_is_made(folder: Path) -> None:
    for name in "abcde":
        (folder / f"images/{name}.png").write_bytes(b"no image")

    result = calibrate()

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: images: ")
    assert "found 5 of 9 images" in result.stderr
    assert "images/a.png: " in result.stderr
    assert "also images/b.png, images/c.png, " in result.stderr
    assert files(folder) == {"cells.calibration.npz"}


def listing(folder: Path, *names: str) -> None:
    """Write list.json, which has some of the annotated images."""
    content = json.loads((folder / "truth.json").read_text())
    images = [image for image in content["images"] if image["file_name"] in names]
    ids = {image["id"] for image in images}
    annotations = [one for one in content["annotations"] if one["image_id"] in ids]
    (folder / "list.json").write_text(json.dumps(content | {"images": images, "annotations": annotations}))


def test_the_images_of_an_annotation_file_are_calibrated_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = Images()
    monkeypatch.setattr(observe, "load_image", images)
    listing(folder, "1.png", "3.png")

    result = calibrate("--calibrate-annotations", "list.json")

    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(images.names) == ["1.png", "3.png"]  # threads read them


def test_calibration_images_that_are_missing_may_be_left_out(folder: Path) -> None:
    listing(folder, "1.png", "3.png")
    (folder / "images/3.png").unlink()

    refused = calibrate("--calibrate-annotations", "list.json")
    allowed = calibrate("--calibrate-annotations", "list.json", "--allow-missing")

    assert (refused.exit_code, allowed.exit_code) == (1, 0)
    assert "1 of 2 missing, first 3.png" in allowed.stderr
    assert "ranges of 1 images" in allowed.stdout


def test_an_overlap_of_calibration_and_evaluation_is_told_where_there_is_one(folder: Path) -> None:
    listing(folder, "1.png", "3.png")

    all_of_them = calibrate("--annotations", "truth.json")
    some = calibrate("--model", "cells.onnx", "--annotations", "list.json", "--cache", "c.npz")
    listing(folder, "0.png", "2.png")
    (folder / "list.json").rename(folder / "half.json")
    listing(folder, "1.png", "3.png")
    apart = calibrate(
        *("--model", "cells.onnx", "--annotations", "half.json", "--calibrate-annotations", "list.json"),
        *("--cache", "d.npz"),
    )

    for result, place, count, first in ((all_of_them, "truth.json", 4, "0.png"), (some, "list.json", 2, "1.png")):
        assert f"warning: {place}: " in result.stderr
        assert all(fact in result.stderr for fact in (f"{count} of the 4 ", f"first images/{first}"))
    assert "--calibrate-annotations" in some.stderr
    assert (apart.exit_code, apart.stderr) == (0, "")


def test_a_checkpoint_is_refused_with_the_command_that_makes_a_graph_of_it(folder: Path) -> None:
    shutil.copy(SHIPPED["tiny_bccd"], folder / "weights")

    result = run("weights", "--images", "images")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: weights: expected an ONNX graph, got a file that PyTorch runs")
    assert "Run gridrt export first" in result.stderr


def test_the_model_is_an_argument_or_the_flag_of_old(folder: Path) -> None:
    write_detector(folder / "other.onnx")

    named, flagged = calibrate("cells.onnx"), calibrate("--model", "cells.onnx")

    assert (named.exit_code, flagged.exit_code) == (0, 0)
    assert calibrate("cells.onnx", "--model", "other.onnx").exit_code == 2
