from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.data.synthetic import CLASS_NAMES, write_synthetic
from gridrt.model.checkpoint import load_model
from gridrt.training.state import load_state
from tests.cli.training_to_kill import train_until
from tests.moments import exit_codes_of
from tests.test_processes import run_together

SCALE = ("96", "64")
ITERATIONS = 6  # two epochs of 6 pictures, two at a time


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_synthetic(folder, train_images=6, val_images=2, size=(96, 64))
    return folder


def arguments(pictures: Path, out: Path, *more: str) -> list[str]:
    data = ["--images", f"{pictures}/train", "--annotations", f"{pictures}/instances_train.json"]
    how = ["--model", "tiny", "--schedule", "short", "--scale", *SCALE, "--batch-size", "2", "--epochs", "2"]
    return ["train", *data, *how, "--threads", "1", "--workers", "0", "--out", str(out), *more]


def train(pictures: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, arguments(pictures, out, *more), catch_exceptions=False)


@pytest.fixture(scope="module")
def uninterrupted(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("uninterrupted") / "my training"
    validation = ("--val-images", f"{pictures}/val", "--val-annotations", f"{pictures}/instances_val.json")
    return out, train(pictures, out, *validation, "--eval-every", "1")


def test_weights_state_log_and_curves_are_written(uninterrupted: tuple[Path, Result]) -> None:
    pytest.importorskip("matplotlib")
    out, result = uninterrupted

    assert result.exit_code == 0
    names = {path.name for path in out.iterdir()}
    assert names == {"best.pth", "last.pth", "checkpoint.pth", "log.jsonl", "curves.png"}
    model = load_model(out / "last.pth")
    assert (model.class_names, model.scale) == (CLASS_NAMES, tuple(map(int, SCALE)))
    assert load_state(out / "checkpoint.pth").progress.iteration == ITERATIONS


def test_one_line_tells_what_was_done_and_what_is_next(uninterrupted: tuple[Path, Result]) -> None:
    out, result = uninterrupted

    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{out}/best.pth, AP ")
    assert f"2 epochs, {ITERATIONS} iterations" in line
    assert line.endswith(f"Next: gridrt export '{out}/best.pth'")


def test_every_evaluation_is_logged(uninterrupted: tuple[Path, Result]) -> None:
    records = [json.loads(line) for line in (uninterrupted[0] / "log.jsonl").read_text().splitlines()]

    assert [(record["iteration"], record["epoch"]) for record in records if "ap" in record] == [(3, 1), (6, 2)]
    assert [record["iteration"] for record in records if "loss" in record] == [3, 6]  # few iterations have losses, too
    assert all(record["ap_per_class"].keys() == set(CLASS_NAMES) for record in records if "ap" in record)


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    uninterrupted: tuple[Path, Result], pictures: Path, tmp_path: Path
) -> None:
    """Also after evaluations, which the other run had and this one has not."""
    out = tmp_path / "out"
    words = arguments(pictures, out, "--save-every", "1")
    assert exit_codes_of(train_until, (3, words)) == [-signal.SIGKILL]
    assert load_state(out / "checkpoint.pth").progress.iteration == 2

    train(pictures, out, "--resume")

    assert_same_weights(out, uninterrupted[0])


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (load_model(folder / "last.pth").state_dict() for folder in (one, other))
    assert all(torch.equal(weights, second[name]) for name, weights in first.items())


def test_two_processes_train_one_model(pictures: Path, tmp_path: Path) -> None:
    first, second = run_together(2, "-m", "gridrt", *arguments(pictures, tmp_path, "--epochs", "1"))

    assert "1 epoch, 2 iterations" in first
    assert second == ""
    assert load_state(tmp_path / "checkpoint.pth").settings["processes"] == 2
    assert load_state(tmp_path / "checkpoint.pth").settings["lr"] == 0.001  # of four images


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--schedule", "3x"), "(found 3x)"),
        (("--model", "r60"), "(found r60)"),
        (("--model", "r50"), "error: r50: "),
        (("--amp", "bf16", "--device", "cpu"), "error: --amp: "),
        (("--annotations", "none.json"), "none.json"),
        (("--images", "nowhere"), "error: nowhere: "),
        (("--backbone-weights", "none.pth"), "error: none.pth: "),
    ],
)
def test_a_users_error_is_one_line_and_leaves_no_folder(
    pictures: Path, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    result = train(pictures, tmp_path / "new" / "out", *more)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_says_how_to_go_on(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gridrt.training.optimization.Optimization.step", interrupt)

    result = train(pictures, tmp_path / "out")

    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-2:] == ["The same command with --resume continues.", "interrupted"]
    assert (tmp_path / "out/checkpoint.pth").exists()


def test_a_training_is_not_begun_over_another(uninterrupted: tuple[Path, Result], pictures: Path) -> None:
    before = (uninterrupted[0] / "checkpoint.pth").read_bytes()

    result = train(pictures, uninterrupted[0])

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith(f"error: {uninterrupted[0]}")
    assert (uninterrupted[0] / "checkpoint.pth").read_bytes() == before


@pytest.mark.parametrize("file", ["train", "val"])
def test_other_classes_than_the_checkpoints_are_one_error_line(
    uninterrupted: tuple[Path, Result], pictures: Path, tmp_path: Path, file: str
) -> None:
    content = json.loads((pictures / f"instances_{file}.json").read_text())
    content["categories"].append({"id": 99, "name": "owl"})
    content["annotations"].append({**content["annotations"][0], "id": 9999, "category_id": 99})
    (tmp_path / "more.json").write_text(json.dumps(content))
    folder = ["--images", f"{pictures}/train", "--val-images", f"{pictures}/val"]
    more = {
        "train": [*folder, "--annotations", f"{tmp_path}/more.json"],
        "val": [
            *folder,
            "--annotations",
            f"{pictures}/instances_train.json",
            "--val-annotations",
            f"{tmp_path}/more.json",
        ],
    }
    how = ["--model", "tiny", "--schedule", "short", "--out", str(uninterrupted[0]), "--resume"]

    result = CliRunner().invoke(cli, ["train", *more[file], *how])

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    named = {"train": ("6", "7"), "val": ("owl", "in the data alone")}[file]
    assert all(word in result.stderr for word in named)
