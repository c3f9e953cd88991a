from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrt.calib.images import images_in, spread
from gridrt.errors import DataError, GridRTError


def test_images_are_taken_by_name_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "film.mp4", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c.png").touch()

    assert images_in(tmp_path, 10) == [tmp_path / "a.JPG", tmp_path / "b.png"]


def test_of_more_images_some_evenly_spaced_are_taken(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.png").touch()

    assert [path.stem for path in images_in(tmp_path, 4)] == ["0", "2", "5", "7"]


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GridRTError, match="images or videos") as caught:
        images_in(tmp_path, 10)
    assert caught.value.place == tmp_path
    (tmp_path / "film.mp4").touch()
    with pytest.raises(DataError) as caught:
        images_in(tmp_path, 10)
    assert caught.value.place == tmp_path


@pytest.mark.parametrize("name", ["nowhere", "a.png", "*.png"])
def test_what_is_no_folder_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.png").touch()

    with pytest.raises(DataError) as caught:
        images_in(tmp_path / name, 10)
    assert caught.value.place == tmp_path / name


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_first_is_among_them_and_gaps_differ_by_one_at_most(count: int, at_most: int) -> None:
    chosen = spread(range(count), at_most)

    assert len(chosen) == min(count, at_most)
    assert chosen[0] == 0
    gaps = [after - before for before, after in zip(chosen, [*chosen[1:], count], strict=True)]
    assert max(gaps) - min(gaps) <= 1


def test_of_nothing_nothing_is_taken() -> None:
    assert spread([], 3) == []
