from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from gridrt.model.weights_format import weights_format

NAME = b"archive/data.pkl"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """As torch writes it: a zip whose first member is `data.pkl`."""
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(NAME.decode(), b"content")
        file.writestr("archive/data/é", b"0000")
    return path


def test_a_zip_with_a_pickle_is_one_of_torch(archive: Path) -> None:
    assert weights_format(archive) == "torch zip"


@pytest.mark.parametrize("damage", ["cut", "a name", "a version"])
def test_a_damaged_zip_is_known_by_its_first_member(archive: Path, damage: str) -> None:
    content = bytearray(archive.read_bytes())
    directory = content.rindex(b"PK\x01\x02")  # its last entry, whose name is not ASCII
    if damage == "cut":
        del content[directory:]
    elif damage == "a name":
        content[content.rindex("é".encode())] = 0xFF
    else:
        content[directory + 6] = 99  # needed to extract: 9.9
    archive.write_bytes(content)

    assert weights_format(archive) == "torch zip"
