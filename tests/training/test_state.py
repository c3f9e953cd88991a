from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gridrt.errors import CheckpointError, DataError, OutputError
from gridrt.training.state import FORMAT, Progress, TrainingState, load_state, refuse_other_training, save_state

SETTINGS = {"lr": 0.01, "decay": {"milestones": (17, 23)}, "seed": 0}


def a_state(weights: int = 3) -> TrainingState:
    momentum = {"optimizer": {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}}
    progress, recorded = Progress(2, 5, 25, 0.5, 61.5), {"records": 3, "lr": 0.1}
    return TrainingState(progress, ("cat", "dog"), SETTINGS, {"w": torch.zeros(weights)}, momentum, recorded)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pth", a_state())

    loaded = load_state(tmp_path / "state.pth")

    expected = a_state()
    assert loaded.progress == expected.progress
    assert (loaded.class_names, loaded.settings) == (expected.class_names, expected.settings)
    assert loaded.recorder == expected.recorder
    assert torch.equal(loaded.model["w"], expected.model["w"])
    assert torch.equal(loaded.optimization["optimizer"]["state"][0]["momentum_buffer"], torch.ones(3))


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_leaves_the_old_state_and_nothing_else(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pth", a_state())

    with pytest.raises(OutputError, match=r"state\.pth: .* disk "):
        save_state(tmp_path / "state.pth", a_state(weights=1_000_000))
    assert load_state(tmp_path / "state.pth").progress == a_state().progress
    assert list(tmp_path.iterdir()) == [tmp_path / "state.pth"]


def test_without_a_state_there_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="state"):
        load_state(tmp_path / "state.pth")


def test_weights_are_no_state(tmp_path: Path) -> None:
    torch.save({"state_dict": {"w": torch.zeros(3)}}, tmp_path / "state.pth")

    with pytest.raises(CheckpointError, match="is not a training state"):
        load_state(tmp_path / "state.pth")


@pytest.mark.parametrize(("number", "described"), [(None, "no format"), (FORMAT + 1, f"format {FORMAT + 1}")])
def test_a_state_of_another_format_is_refused(tmp_path: Path, number: int | None, described: str) -> None:
    save_state(tmp_path / "state.pth", a_state())
    content = torch.load(tmp_path / "state.pth") | {"format": number}
    torch.save(content, tmp_path / "state.pth")

    with pytest.raises(CheckpointError) as caught:
        load_state(tmp_path / "state.pth")
    assert (caught.value.place, caught.value.value) == (tmp_path / "state.pth", described)


def test_a_damaged_state_is_one_error(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pth", a_state())
    content = (tmp_path / "state.pth").read_bytes()
    (tmp_path / "state.pth").write_bytes(content[: len(content) // 2])

    with pytest.raises(CheckpointError, match=r"state\.pth"):
        load_state(tmp_path / "state.pth")


def test_other_classes_are_refused_with_both_counts() -> None:
    with pytest.raises(DataError) as caught:
        refuse_other_training(Path("s"), a_state(), ("cat", "dog", "owl"), SETTINGS)
    assert caught.value.value == "2 (cat, dog) in the checkpoint, 3 (cat, dog, owl) in the data"


def test_other_settings_are_refused_by_name() -> None:
    with pytest.raises(CheckpointError, match=r"lr 0\.02 .*0\.01"):
        refuse_other_training(Path("s"), a_state(), ("cat", "dog"), SETTINGS | {"lr": 0.02})


def test_of_nested_settings_the_part_that_differs_is_named() -> None:
    settings = SETTINGS | {"decay": {"milestones": (16, 22)}}

    with pytest.raises(CheckpointError) as caught:
        refuse_other_training(Path("s"), a_state(), ("cat", "dog"), settings)
    assert caught.value.value == "decay.milestones (16, 22) instead of (17, 23)"


def test_a_setting_that_one_side_lacks_is_a_difference() -> None:
    with pytest.raises(CheckpointError, match=r"seed None .*0"):
        refuse_other_training(Path("s"), a_state(), ("cat", "dog"), {name: SETTINGS[name] for name in ("lr", "decay")})


def test_the_same_classes_and_settings_pass() -> None:
    refuse_other_training(Path("s"), a_state(), ("cat", "dog"), SETTINGS)
