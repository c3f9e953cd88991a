"""Text from outside, made fit to be printed: a file must not control the terminal."""

from __future__ import annotations

import unicodedata

# Control characters, halves of surrogate pairs, and separators of lines and paragraphs.
_ESCAPED = frozenset(("Cc", "Cs", "Zl", "Zp"))
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Overrides of the direction of a text, which let it read as another one."""


def printable(text: str) -> str:
    r"""The text on one line: white space is one blank, and what would control a terminal is escaped, such as `\x1b`."""
    return escaped(" ".join(text.split()))


def escaped(text: str) -> str:
    r"""The text, in which what would control a terminal is escaped, line breaks too: `\x1b`, `\n`."""
    return text if text.isascii() and text.isprintable() else "".join(map(_escaped, text))


def escaped_name(name: str) -> str:
    r"""The name of a file, as `escaped`; bytes that are no text in this locale stay, for they are the name."""
    return "".join(each if "\udc80" <= each <= "\udcff" else escaped(each) for each in name)


def shortened(text: str, most: int) -> str:
    """The text, its middle left out where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 5]} ... {text[-tail:]}"


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _ESCAPED and character not in _DIRECTIONS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()
