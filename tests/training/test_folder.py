from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gridrt.api import train
from gridrt.errors import CheckpointError, GridRTError, OutputError
from gridrt.files import atomic_path
from gridrt.model.checkpoint.save import write_torch
from gridrt.training.folder import check_room, explain_full_disk, locked_folder, resumes


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("names", [["last.pth"], ["best.pth"], ["log.jsonl"], ["curves.png", "log.jsonl"]])
def test_a_training_does_not_start_among_the_files_of_another(
    tmp_path: Path, names: list[str], *, resume: bool
) -> None:
    for name in names:
        (tmp_path / name).touch()

    with pytest.raises(CheckpointError, match="in a folder") as refusal:
        resumes(tmp_path, resume=resume)
    assert set(str(refusal.value.value).split(", ")) == set(names)
    assert "Remove them, or choose another folder with `out`." in str(refusal.value)


def test_a_training_does_not_start_in_the_folder_of_one_that_runs(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "out"), pytest.raises(GridRTError, match="another training") as refused:
        train("no images", "no annotations", tmp_path / "out")

    assert refused.value.place == tmp_path / "out"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_training_is_resumed_only_on_request(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pth").touch()
    (tmp_path / "last.pth").touch()

    assert resumes(tmp_path, resume=True)
    with pytest.raises(CheckpointError, match=r"found checkpoint\.pth, last\.pth\).*`resume`"):
        resumes(tmp_path, resume=False)


@pytest.mark.parametrize("resume", [False, True])
def test_a_training_starts_in_a_folder_without_one(tmp_path: Path, *, resume: bool) -> None:
    (tmp_path / "notes.txt").touch()

    assert not resumes(tmp_path, resume=resume)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_free(count: int) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=count))

    return set_free


def test_room_is_needed_for_two_states_and_two_weights(tmp_path: Path, free: Callable[[int], None]) -> None:
    free(8_000_000)
    check_room(tmp_path, 3_000_000, 1_000_000)

    free(7_400_000)
    with pytest.raises(OutputError, match=r"7 MB .*8 MB"):
        check_room(tmp_path, 3_000_000, 1_000_000)


def test_existing_files_need_no_more_room(tmp_path: Path, free: Callable[[int], None]) -> None:
    (tmp_path / "checkpoint.pth").write_bytes(bytes(3_000_000))
    (tmp_path / "last.pth").write_bytes(bytes(1_000_000))

    free(4_000_000)
    check_room(tmp_path, 3_000_000, 1_000_000)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_named_as_a_possible_cause(tmp_path: Path) -> None:
    def save() -> None:
        with explain_full_disk():
            write_torch(torch.zeros(1_000_000), tmp_path / "state.pth")

    with pytest.raises(OutputError, match=r"state\.pth: .* disk .*`resume`"):
        save()


def fail(path: Path, number: int) -> None:
    with explain_full_disk(), atomic_path(path):
        raise OSError(number, "the reason")


@pytest.mark.parametrize(
    ("number", "is_explained"), [(errno.ENOSPC, True), (errno.EACCES, False), (errno.EROFS, False)]
)
def test_only_a_full_disk_is_explained(tmp_path: Path, number: int, *, is_explained: bool) -> None:
    with pytest.raises(OutputError, match="the reason") as refusal:
        fail(tmp_path / "state.pth", number)

    assert ("disk may be full" in str(refusal.value)) == is_explained
