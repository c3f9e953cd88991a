from __future__ import annotations

import pytest

from gridrt.classes import MOST_CHARACTERS, normalized_name
from gridrt.errors import GridRTError
from gridrt.printable import escaped, printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("street.jpg", "street.jpg"),
        ("Straße 東京 café 🚗", "Straße 東京 café 🚗"),
        ("two\nlines\tand\r\n more", "two lines and more"),
        ("\x1b]0;title\x07red \x1b[31m", r"\x1b]0;title\x07red \x1b[31m"),
        ("\x9b31m", r"\x9b31m"),  # the same in one byte of latin-1
        ("half \ud83d pair", r"half \ud83d pair"),
        ("gpj\u202egnp", r"gpj\u202egnp"),
        ("", ""),
    ],
)
def test_what_would_control_a_terminal_is_escaped_and_letters_stay(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_an_error_is_printable_wherever_its_parts_come_from() -> None:
    error = GridRTError("must be red", place="a\x1b[2J.png", value="\x07", remedy="Use\nred.")

    assert str(error) == r"a\x1b[2J.png: must be red (found \x07). Use red."


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    text = shortened("place: rule " + "x" * 1000 + " remedy", 100)

    assert (len(text), text.startswith("place: rule x"), text.endswith("x remedy")) == (100, True, True)
    assert shortened("short", 100) == "short"


@pytest.mark.parametrize("name", ["x" * 1_000_000, "\n" * 1_000_000 + "x", "\x00" * 1000])
def test_a_class_name_of_any_length_is_short_and_on_one_line(name: str) -> None:
    assert len(normalized_name(name)) <= MOST_CHARACTERS
    assert normalized_name(name).isprintable()


def test_escaped_text_keeps_its_blanks_and_has_no_line_break() -> None:
    assert escaped("a  b\n\x1b[2J") == r"a  b\n\x1b[2J"
