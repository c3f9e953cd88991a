from __future__ import annotations

from pathlib import Path

import pytest

from gridrt.classes import labels_of, read_class_names
from gridrt.errors import GridRTError


def test_names_become_labels_in_the_order_of_the_classes() -> None:
    assert labels_of(("dog", "cat", "dog"), ("cat", "cow", "dog")) == (0, 2)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(GridRTError) as caught:
        labels_of(("cat", "dgo"), ("cat", "cow", "dog"))
    assert "'dog'" in caught.value.remedy

    assert caught.value.value == "dgo"


@pytest.mark.parametrize(
    ("source", "names"),
    [("cat,dog", ("cat", "dog")), ("traffic light, dog", ("traffic light", "dog")), ("cell", ("cell",))],
)
def test_names_are_read_from_a_list(source: str, names: tuple[str, ...]) -> None:
    assert read_class_names(source) == names


def test_names_are_read_from_a_file_with_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("\ufefftraffic light\r\nHündin\r\n\r\n".encode())

    assert read_class_names(str(tmp_path / "names.txt")) == ("traffic light", "Hündin")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_is_missing_or_no_text_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "names.txt").write_bytes(content)

    with pytest.raises(GridRTError) as caught:
        read_class_names(str(tmp_path / "names.txt"))
    assert isinstance(caught.value.value, FileNotFoundError if content is None else UnicodeDecodeError)

    assert caught.value.place == tmp_path / "names.txt"
