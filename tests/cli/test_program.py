from __future__ import annotations

import os
from pathlib import Path

import pytest

from gridrt.cli.program import command_line, with_flags


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program lies; nothing else is on the path of the shell, nor is it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gridrt").touch(mode=0o755)
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "bin/gridrt"), "demo"])
    return tmp_path / "bin"


def test_a_program_that_is_not_on_the_path_is_called_again_as_it_was_called(bin_folder: Path) -> None:
    assert command_line("detect", Path("a b.jpg")) == f"{bin_folder}/gridrt detect 'a b.jpg'"


def test_on_the_path_its_name_is_enough(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bin_folder))

    assert command_line("detect", "a.jpg") == "gridrt detect a.jpg"


@pytest.mark.usefixtures("bin_folder")
def test_run_as_a_module_it_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/gridrt/__main__.py"])

    assert command_line("detect") == "gridrt detect"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("`threads`: must be at least 1 (found 0)", "--threads: must be at least 1 (found 0)"),
        ("Leave out `trust_checkpoint`.", "Leave out --trust-checkpoint."),
        (
            "Convert it with `magick mogrify -format jpg *.heic`.",
            "Convert it with `magick mogrify -format jpg *.heic`.",
        ),
    ],
)
def test_options_in_messages_of_the_library_become_flags(message: str, shown: str) -> None:
    assert with_flags(message) == shown
