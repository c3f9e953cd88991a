from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrt.calib.images import pictures_in, spread
from gridrt.errors import DataError, GridRTError


def test_pictures_are_taken_by_name_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "film.mp4", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c.png").touch()

    assert pictures_in(tmp_path, 10) == [tmp_path / "a.JPG", tmp_path / "b.png"]


def test_of_more_pictures_some_at_even_distances_are_taken(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.png").touch()

    assert [path.stem for path in pictures_in(tmp_path, 4)] == ["0", "2", "5", "7"]


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GridRTError, match="no picture"):
        pictures_in(tmp_path, 10)
    (tmp_path / "film.mp4").touch()
    with pytest.raises(DataError, match="there is at least one picture"):
        pictures_in(tmp_path, 10)


@pytest.mark.parametrize("name", ["nowhere", "a.png", "*.png"])
def test_what_is_no_folder_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.png").touch()

    with pytest.raises(DataError, match="pictures to calibrate with are in a folder"):
        pictures_in(tmp_path / name, 10)


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_first_is_among_them_and_gaps_differ_by_one_at_most(count: int, at_most: int) -> None:
    chosen = spread(range(count), at_most)

    assert len(chosen) == min(count, at_most)
    assert chosen[0] == 0
    gaps = [after - before for before, after in zip(chosen, [*chosen[1:], count], strict=True)]
    assert max(gaps) - min(gaps) <= 1


def test_of_nothing_nothing_is_taken() -> None:
    assert spread([], 3) == []
