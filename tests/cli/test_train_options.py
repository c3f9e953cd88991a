"""What becomes of each option of `gridrt train`; nothing is trained."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.data.synthetic import CLASS_NAMES, write_synthetic
from gridrt.files import sha256_of
from gridrt.model.checkpoint import load_model, save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.training import SCHEDULES, Settings, TrainingData
from gridrt.training.state import Progress

SHORT = SCHEDULES["short"]


@dataclass
class Begun:
    """In the place of `Trainer`: keeps what it is given."""

    model: GridRCNN
    data: TrainingData
    settings: Settings
    out: Path
    resume: bool
    progress: Progress

    def run(self) -> None:
        pass


Train = Callable[..., tuple[Begun, Result]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("my pictures")
    write_synthetic(folder, train_images=4, val_images=2, size=(96, 64))
    return folder


def arguments(pictures: Path, out: Path) -> list[str]:
    data = ["--images", f"{pictures}/train", "--annotations", f"{pictures}/instances_train.json"]
    return ["train", *data, "--schedule", "short", "--out", str(out)]


@pytest.fixture
def train(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Runs the command; gives what it would have trained, and what it printed."""
    begun: list[Begun] = []

    def begin(model: GridRCNN, data: TrainingData, settings: Settings, out: Path, *, resume: bool) -> Begun:
        begun.append(Begun(model, data, settings, out, resume, Progress(2, 0, 12, None, 1.0)))
        return begun[-1]

    monkeypatch.setattr("gridrt.training.Trainer", begin)

    def run(*more: str, variant: str | None = "tiny") -> tuple[Begun, Result]:
        words = [*arguments(pictures, tmp_path / "my out"), *(["--model", variant] if variant else []), *more]
        result = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        return begun[-1], result

    return run


def test_without_options_the_schedule_and_the_defaults_hold(train: Train, tmp_path: Path) -> None:
    begun, _ = train()

    assert begun.settings == Settings(SHORT, accumulate=1, amp="off", save_every=100, workers=2)
    assert (begun.data.images.seed, begun.data.validation, begun.resume) == (0, None, False)
    assert (begun.out, begun.model.variant, begun.model.class_names) == (tmp_path / "my out", "tiny", CLASS_NAMES)
    assert all(weight.requires_grad for weight in begun.model.parameters())


def test_options_of_the_schedule_are_taken(train: Train) -> None:
    options = ("--epochs", "7", "--batch-size", "3", "--scale", "96", "64", "--eval-every", "5", "--lr", "0.0123")
    schedule = train(*options)[0].settings.schedule

    assert (schedule.epochs, schedule.batch_size, schedule.scale, schedule.eval_every) == (7, 3, (96, 64), 5)
    assert schedule.lr == 0.0123


def test_the_learning_rate_is_that_of_all_images_of_an_iteration(train: Train) -> None:
    settings = train("--batch-size", "2", "--accumulate", "3")[0].settings

    assert settings.accumulate == 3
    assert settings.schedule.lr == SHORT.for_images(6).lr != SHORT.lr


def test_options_of_the_run_are_taken(train: Train) -> None:
    begun, _ = train("--workers", "5", "--save-every", "9", "--seed", "3", "--resume")

    assert (begun.settings.workers, begun.settings.save_every) == (5, 9)
    assert (begun.data.images.seed, begun.resume) == (3, True)


def test_the_precision_is_taken(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.training.setup.device_named", lambda _name: torch.device("cuda"))
    monkeypatch.setattr(GridRCNN, "to", lambda model, _device: model)

    assert train("--amp", "bf16")[0].settings.amp == "bf16"


def test_the_backbone_starts_from_its_weights_and_frozen_stages_keep_them(train: Train, tmp_path: Path) -> None:
    source = build("tiny", 2)
    save_weights(source, tmp_path / "weights.pth")

    model = train("--backbone-weights", f"{tmp_path}/weights.pth", "--frozen-stages", "2")[0].model

    found = model.backbone.state_dict()
    assert all(torch.equal(weight, found[name]) for name, weight in source.backbone.state_dict().items())
    frozen = {name.split(".")[0] for name, weight in model.backbone.named_parameters() if not weight.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1", "layer2"}


def test_the_seed_decides_the_weights_at_the_start(train: Train) -> None:
    first, again, other = (
        train("--seed", seed)[0].model.backbone.state_dict()["conv1.weight"] for seed in ("0", "0", "1")
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_boxes_without_area_and_boxes_that_are_cut_are_counted(train: Train, pictures: Path, tmp_path: Path) -> None:
    content = json.loads((pictures / "instances_train.json").read_text())
    for annotation in content["annotations"][:2]:
        annotation["bbox"][2] = 0.5
    content["annotations"][2]["bbox"] = [-5, -5, 40, 40]
    (tmp_path / "thin.json").write_text(json.dumps(content))

    told = train("--annotations", f"{tmp_path}/thin.json")[1].stderr  # beside the sound one

    assert told == "2 boxes without area left out\n1 box clipped to the image\n"
    assert train()[1].stderr == ""


@pytest.mark.parametrize("own_folder", [True, False])
def test_images_to_evaluate_on_lie_in_the_same_folder_where_none_is_named(
    train: Train, pictures: Path, *, own_folder: bool
) -> None:
    folder = pictures / ("val" if own_folder else "train")
    more = ["--val-images", str(folder)] if own_folder else []
    annotations = pictures / ("instances_val.json" if own_folder else "instances_train.json")

    validation = train(*more, "--val-annotations", str(annotations))[0].data.validation

    assert validation is not None
    assert validation.path(0).parent == folder


def test_images_that_are_missing_may_be_left_out(train: Train, pictures: Path, tmp_path: Path) -> None:
    content = json.loads((pictures / "instances_train.json").read_text())
    missing = content["images"][0] | {"id": 99, "file_name": "missing.png"}
    (tmp_path / "more.json").write_text(json.dumps(content | {"images": [*content["images"], missing]}))
    both = ("--annotations", str(tmp_path / "more.json"), "--val-annotations", str(tmp_path / "more.json"))

    begun, result = train(*both, "--allow-missing")

    assert "1 of 5 missing, first missing.png" in result.stderr
    assert begun.data.validation is not None
    assert (len(begun.data.validation), len(begun.data.images)) == (4, 8)


@pytest.mark.parametrize(
    ("model", "following"), [("tiny", ["export"]), ("faster_tiny", ["detect", "IMAGES", "--model"])]
)
def test_what_is_next_can_be_run_as_it_stands(train: Train, model: str, following: list[str]) -> None:
    begun, result = train("--model", model)

    words = shlex.split(result.stdout.split("Next: ")[1])
    assert words == ["gridrt", *following, str(begun.out / "last.pth")]


def test_the_backbone_of_weights_that_have_a_name_is_taken(train: Train) -> None:
    model = train("--backbone-weights", "tiny_bccd")[0].model

    shipped = load_model("tiny_bccd").backbone.state_dict()
    assert all(torch.equal(weight, shipped[name]) for name, weight in model.backbone.state_dict().items())


def test_a_detector_is_fine_tuned_in_its_own_variant_and_the_layers_of_its_classes_are_named(
    train: Train, tmp_path: Path
) -> None:
    source = build("faster_tiny", 7)
    save_weights(source, tmp_path / "weights.pth")

    begun, result = train("--weights", f"{tmp_path}/weights.pth", variant=None)

    assert begun.model.variant == "faster_tiny"
    neck = source.neck.state_dict()
    assert all(torch.equal(weight, neck[name]) for name, weight in begun.model.neck.state_dict().items())
    assert begun.settings.weights_sha256 == sha256_of(tmp_path / "weights.pth")
    (line,) = (line for line in result.stderr.splitlines() if line.startswith(f"starts from {tmp_path}/weights.pth: "))
    assert "roi_head.bbox_head.fc_cls.weight" in line


@pytest.mark.parametrize(
    ("more", "place"),
    [
        (("--backbone-weights", "tiny_bccd"), "--weights, --backbone-weights"),
        (("--model", "faster_tiny"), "tiny_bccd"),
    ],
)
def test_weights_of_another_variant_or_of_two_kinds_are_refused(
    pictures: Path, tmp_path: Path, more: tuple[str, ...], place: str
) -> None:
    result = CliRunner().invoke(cli, [*arguments(pictures, tmp_path / "out"), "--weights", "tiny_bccd", *more])

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(f"error: {place}: ")
