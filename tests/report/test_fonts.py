from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gridrt.report import fonts
from gridrt.report.draw import draw
from gridrt.types import Detections

CHINESE = ("汽车", "行人")
CYRILLIC = ("каска", "жилет")
GERMAN = ("Größe", "Grüße")


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    yield
    for cached in (fonts._file_for, fonts._installed):
        cached.cache_clear()


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No font is installed beside Pillow's own."""
    for cached in (fonts._file_for, fonts._installed):
        cached.cache_clear()
    monkeypatch.setattr(fonts, "_folders", lambda: iter(()))


def tag(name: str, label: int = 0) -> np.ndarray:
    """The image of a detection of this class."""
    image = np.full((60, 300, 3), 200, np.uint8)
    box, score = np.array([[5, 30, 290, 55]], np.float32), np.array([0.9], np.float32)
    return draw(image, Detections(box, score, np.array([label], np.int32)), {label: name})  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_fonts")
def test_ascii_names_need_no_installed_font() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (tag("car") != tag("bus")).any()


@pytest.mark.parametrize("names", [CYRILLIC, GERMAN])
def test_letters_that_pillow_s_font_lacks_come_from_an_installed_font(names: tuple[str, str]) -> None:
    pytest.importorskip("matplotlib", reason="it brings the font DejaVu Sans")
    one, other = names

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (tag(one) != tag(other)).any()
        assert (tag(one) != tag("class 0")).any()


@pytest.mark.parametrize("names", [CHINESE, CYRILLIC, GERMAN])
@pytest.mark.usefixtures("no_fonts")
def test_a_name_that_no_font_has_is_drawn_as_the_number_of_its_label(names: tuple[str, str]) -> None:
    with pytest.warns(UserWarning, match="no installed font"):
        drawn = [tag(name, label) for label, name in enumerate(names)]

    np.testing.assert_array_equal(drawn, [tag("class 0", 0), tag("class 1", 1)])


def test_the_warning_is_given_once() -> None:
    program = """
from gridrt.report import fonts
fonts._folders = lambda: iter(())
print([fonts.drawable_name(name, label) for label, name in enumerate(("汽车", "行人", "car"))])
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout == "['class 0', 'class 1', 'car']\n"
    assert ended.stderr.count("UserWarning") == 1


def test_a_damaged_font_file_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "aa-sans.ttf").write_bytes(b"not a font")
    monkeypatch.setattr(fonts, "_folders", lambda: iter((tmp_path,)))
    fonts._installed.cache_clear()
    fonts._file_for.cache_clear()

    assert fonts._file_for("车") is None


def test_upright_sans_serifs_are_preferred() -> None:
    names = ["DejaVuSerif.ttf", "DejaVuSans-Bold.ttf", "cmr10.ttf", "DejaVuSans.ttf"]

    assert min(map(Path, names), key=fonts._preference).name == "DejaVuSans.ttf"
