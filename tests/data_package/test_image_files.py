from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gridrt.data.annotation_file import ListedImage
from gridrt.data.image_files import find_images, readable
from gridrt.errors import DataError, ImageError
from tests.datasets import write_image


def listed(*names: str, size: tuple[int, int] | None = (64, 48)) -> list[ListedImage]:
    return [ListedImage(index, name, size, f"boxes.json: images[{index}]") for index, name in enumerate(names)]


def found(folder: Path, *names: str, allow_missing: bool = False) -> list[str]:
    images = find_images(listed(*names), folder, "boxes.json", allow_missing=allow_missing)
    return [Path(image.file_name).as_posix() for image in images]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("images/a.jpg", "images/a.jpg"),
        (r"images\my photo.jpg", "images/my photo.jpg"),
        (r"..\..\media\a.jpg", "media/a.jpg"),
        ("images/my%20photo.jpg", "images/my photo.jpg"),
        ("/data/local-files/?d=images/my%20photo.jpg", "images/my photo.jpg"),
        ("https://host.org/images/a.jpg", "images/a.jpg"),
        ("s3://bucket/images/a.jpg", "images/a.jpg"),
        ("/home/someone/set/a.jpg", "home/someone/set/a.jpg"),
        ("D:/set/./a.jpg", "set/a.jpg"),
        (r"D:\set\a.jpg", "set/a.jpg"),
    ],
)
def test_names_of_other_machines_become_paths_below_a_folder(name: str, expected: str) -> None:
    assert readable(name) == expected


@pytest.mark.parametrize("name", ["images/my photo.jpg", r"images\my photo.jpg", "images/my%20photo.jpg"])
def test_a_name_is_found_however_it_is_spelled(tmp_path: Path, name: str, recwarn: pytest.WarningsRecorder) -> None:
    write_image(tmp_path / "images/my photo.jpg")
    write_image(tmp_path / "my photo.jpg")

    assert found(tmp_path, name) == ["images/my photo.jpg"]
    assert not recwarn.list


def test_a_file_that_has_percent_and_backslash_in_its_name_comes_first(tmp_path: Path) -> None:
    write_image(tmp_path / r"a\b%20.jpg")
    write_image(tmp_path / "a/b .jpg")

    assert found(tmp_path, r"a\b%20.jpg") == [r"a\b%20.jpg"]


@pytest.mark.parametrize(
    "name", ["/home/someone/set/b.jpg", "D:/set/b.jpg", r"..\..\upload\b.jpg", "https://host/x/b.jpg"]
)
def test_an_image_of_another_machine_is_found_by_its_base_name_with_a_warning(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / "a.jpg")
    write_image(tmp_path / "deep/b.jpg")

    with pytest.warns(UserWarning, match="1 of 2 ") as caught:
        assert found(tmp_path, "a.jpg", name) == ["a.jpg", "deep/b.jpg"]
    assert str(caught[0].message).startswith("boxes.json: ")
    assert str(Path("deep/b.jpg")) in str(caught[0].message)


def test_of_files_of_one_base_name_the_one_with_most_common_folders_counts(tmp_path: Path) -> None:
    for folder in ("left", "right"):
        write_image(tmp_path / "cameras" / folder / "1.jpg")

    with pytest.warns(UserWarning, match="2 of 2 images"):
        names = found(tmp_path, "/home/someone/left/1.jpg", "/home/someone/right/1.jpg")

    assert names == ["cameras/left/1.jpg", "cameras/right/1.jpg"]


def test_different_files_of_one_base_name_are_not_guessed_among(tmp_path: Path) -> None:
    for folder, grey in {"left": 127, "right": 128}.items():
        write_image(tmp_path / folder / "1.jpg", grey=grey)

    with pytest.raises(DataError, match="2 files") as caught:
        found(tmp_path, "/home/someone/1.jpg")
    assert caught.value.place == tmp_path
    assert str(caught.value.value).startswith("1 of 1 ")


@pytest.mark.parametrize("name", [r"..\..\upload\1.jpg", "/home/someone/1.jpg", "D:/set/1.jpg"])
def test_equal_copies_of_one_base_name_are_one_image(tmp_path: Path, name: str) -> None:
    for folder in ("b", "a"):
        write_image(tmp_path / folder / "1.jpg")

    with pytest.warns(UserWarning, match=r"1 of 1 .* a.1\.jpg"):
        assert found(tmp_path, name) == ["a/1.jpg"]


def test_two_images_do_not_share_a_file_that_was_searched_for(tmp_path: Path) -> None:
    write_image(tmp_path / "1.jpg")

    with pytest.raises(DataError, match="2 of 2 ") as caught:
        found(tmp_path, "/home/left/1.jpg", "/home/right/1.jpg")
    assert caught.value.place == tmp_path
    with pytest.raises(DataError, match="1 of 2 ") as caught:
        found(tmp_path, "1.jpg", "/home/right/1.jpg")
    assert caught.value.place == tmp_path


def test_missing_images_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")

    with pytest.raises(DataError) as caught:
        found(tmp_path, "a.png", "b.png", "c.png")

    assert (caught.value.place, caught.value.value) == (tmp_path, "2 of 3 missing, first b.png")
    assert "`allow_missing`" in caught.value.remedy


def test_missing_images_are_left_out_where_that_is_allowed_but_not_all(tmp_path: Path) -> None:
    write_image(tmp_path / "b.png")

    with pytest.warns(UserWarning, match=r"2 of 3 .* a\.png$") as caught:
        assert found(tmp_path, "a.png", "b.png", "c.png", allow_missing=True) == ["b.png"]
    assert str(caught[0].message).startswith("boxes.json: ")
    with pytest.raises(DataError, match="2 of 2 ") as refused:
        found(tmp_path, "a.png", "c.png", allow_missing=True)
    assert refused.value.place == tmp_path


def test_a_file_name_that_no_file_can_have_is_an_error_that_names_the_entry(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        found(tmp_path, "b" * 5000)

    assert (caught.value.place, caught.value.value) == ("boxes.json: images[0]", "File name too long")


def test_sizes_that_are_not_annotated_are_those_of_the_upright_images(tmp_path: Path) -> None:
    write_turned(tmp_path / "a.jpg")

    (image,) = find_images(listed("a.jpg", size=None), tmp_path, "boxes.json")

    assert (image.width, image.height) == (48, 64)


def test_another_size_than_annotated_is_refused_before_any_image_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in {"a.png": (64, 48), "b.png": (40, 60), "c.png": (48, 64)}.items():
        write_image(tmp_path / name, *size)
    monkeypatch.delattr(Image.Image, "convert")

    with pytest.raises(DataError) as caught:
        found(tmp_path, "a.png", "b.png", "c.png")

    assert caught.value.place == tmp_path / "b.png"
    assert caught.value.value == "40 x 60, annotated as 64 x 48; 2 of 3 differ"
    assert not caught.value.remedy


def test_sizes_annotated_without_exif_orientation_are_named_as_such(tmp_path: Path) -> None:
    write_turned(tmp_path / "a.jpg")

    with pytest.raises(DataError) as caught:
        found(tmp_path, "a.jpg")
    assert caught.value.place == tmp_path / "a.jpg"
    assert str(caught.value.value).startswith("48 x 64, annotated as 64 x 48")
    assert "EXIF" in caught.value.remedy


def test_sizes_annotated_the_wrong_way_round_are_not_blamed_on_exif(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", 48, 64)

    with pytest.raises(DataError) as caught:
        found(tmp_path, "a.png")
    assert caught.value.place == tmp_path / "a.png"
    assert str(caught.value.value).startswith("48 x 64, annotated as 64 x 48")
    assert not caught.value.remedy


def test_a_damaged_image_keeps_its_annotated_size(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no image")

    assert found(tmp_path, "a.jpg") == ["a.jpg"]
    with pytest.raises(ImageError) as caught:
        find_images(listed("a.jpg", size=None), tmp_path, "boxes.json")
    assert caught.value.place == str(tmp_path / "a.jpg")


def write_turned(path: Path) -> None:
    """An image of 64 x 48 stored pixels, which EXIF turns by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((48, 64, 3), 128, np.uint8)).save(path, exif=exif)
