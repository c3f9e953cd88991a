from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gridrt.data.image import FORMATS
from gridrt.data.sources import IMAGE_SUFFIXES, expand, is_video
from gridrt.errors import GridRTError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.PNG", "clip.mp4", "notes.txt", ".hidden.jpg", "deep/c.jpg", "deep/deeper/d.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


pytestmark = pytest.mark.filterwarnings("ignore:.*left out 1 file")


def test_a_folder_stands_for_the_images_and_videos_right_in_it_by_name(folder: Path) -> None:
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


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GridRTError) as caught:
        expand([str(tmp_path)])
    assert caught.value.place == tmp_path


def test_a_pattern_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GridRTError) as caught:
        expand([f"{tmp_path}/*.jpg"])
    assert caught.value.place == f"{tmp_path}/*.jpg"


@pytest.mark.parametrize(("name", "expected"), [("a.MP4", True), ("a.avi", True), ("a.jpg", False), ("a.gif", False)])
def test_videos_are_told_by_their_suffix(name: str, *, expected: bool) -> None:
    assert expected == is_video(Path(name))


def test_image_suffixes_are_those_of_the_formats_that_are_read() -> None:
    Image.init()
    of_formats = {suffix for suffix, name in Image.EXTENSION.items() if name in {*FORMATS, "MPO"}}

    assert of_formats - {".pfm"} == IMAGE_SUFFIXES  # floats, which load_image refuses


@pytest.mark.parametrize("suffix", [".ts", ".mts", ".3gp", ".flv"])
def test_camcorders_and_recorders_write_videos(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").touch()

    assert expand([str(tmp_path)]) == [tmp_path / f"a{suffix}"]
    assert is_video(tmp_path / f"a{suffix}")


def test_what_is_left_out_of_a_folder_is_counted_by_suffix(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jfif", "c.JPE", "d.txt", "e.TXT", "f", "g.json", ".hidden.txt", "deep/h.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    with pytest.warns(UserWarning, match=r"\b4 ") as caught:
        assert [path.name for path in expand([str(tmp_path)])] == ["a.jpg", "b.jfif", "c.JPE"]
    assert len(caught) == 1
    told = str(caught[0].message)
    assert all(count in told for count in ("1 .json", "2 .txt", "1 without a suffix"))
    assert "HEIC" not in told


def test_a_folder_of_images_and_videos_alone_is_read_without_a_word(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    for name in ("a.jpg", "b.mp4", ".DS_Store"):
        (tmp_path / name).touch()

    expand([str(tmp_path)])

    assert not recwarn.list


def test_heic_comes_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.HEIC").touch()
    with pytest.raises(GridRTError) as caught:
        expand([str(tmp_path)])
    assert (caught.value.place, caught.value.value) == (tmp_path, "1 .heic")
    assert "HEIC" in caught.value.remedy

    (tmp_path / "b.jpg").touch()
    with pytest.warns(UserWarning, match=r"1 \.heic.*Convert HEIC"):
        expand([str(tmp_path)])
