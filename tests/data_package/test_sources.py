from __future__ import annotations

from pathlib import Path

import pytest

from gridrt.data.sources import expand, is_video
from gridrt.errors import GridRTError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.PNG", "clip.mp4", "notes.txt", ".hidden.jpg", "deep/c.jpg", "deep/deeper/d.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_a_folder_stands_for_the_pictures_and_videos_right_in_it_by_name(folder: Path) -> None:
    assert [folder / "a.PNG", folder / "b.jpg", folder / "clip.mp4"] == expand([str(folder)])


def test_a_pattern_stands_for_the_files_that_match(folder: Path) -> None:
    assert [folder / "b.jpg"] == expand([f"{folder}/*.jpg"])


def test_two_stars_reach_further_down(folder: Path) -> None:
    assert [folder / "b.jpg", folder / "deep/c.jpg", folder / "deep/deeper/d.jpg"] == expand([f"{folder}/**/*.jpg"])


def test_a_relative_pattern_gives_relative_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    assert [Path("deep/c.jpg")] == expand(["deep/?.jpg"])


def test_each_file_comes_once_in_the_order_named(folder: Path) -> None:
    names = [str(folder / "b.jpg"), str(folder), f"{folder}/deep/../b.jpg"]

    assert [folder / "b.jpg", folder / "a.PNG", folder / "clip.mp4"] == expand(names)


def test_a_name_with_brackets_that_exists_is_no_pattern(folder: Path) -> None:
    odd = folder / "a[1].jpg"
    odd.touch()

    assert [odd] == expand([str(odd)])


def test_a_missing_file_stands_for_itself() -> None:
    assert [Path("nowhere.jpg")] == expand(["nowhere.jpg"])


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GridRTError, match="there is no picture or video in this folder"):
        expand([str(tmp_path)])


def test_a_pattern_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GridRTError, match=r"\*\.jpg: no file matches this pattern"):
        expand([f"{tmp_path}/*.jpg"])


@pytest.mark.parametrize(("name", "expected"), [("a.MP4", True), ("a.avi", True), ("a.jpg", False), ("a.gif", False)])
def test_videos_are_told_by_their_suffix(name: str, *, expected: bool) -> None:
    assert expected == is_video(Path(name))
