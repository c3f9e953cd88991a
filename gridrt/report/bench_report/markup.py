"""HTML and SVG from parts, where text is escaped unless it is known to be markup."""

from __future__ import annotations

from html import escape

VOID = frozenset({"image", "line", "meta", "path", "rect", "use", "wbr"})
"""Elements that hold nothing here."""


class Html(str):
    """Text that is markup already. Any other text is escaped where it enters an element."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: str | float | None) -> Html:
    """An element.

    Args:
        tag: its name.
        content: text, which is escaped, or `Html`, which is not.
        attributes: `stroke_width` is written `stroke-width`, and `class_` is `class`; None leaves it out.
    """
    named = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items() if value is not None)
    head = tag + "".join(f' {name}="{escape(_written(value))}"' for name, value in named)
    if tag in VOID:
        return Html(f"<{head}>" if tag in {"meta", "wbr"} else f"<{head}/>")
    return Html(f"<{head}>{joined(*content)}</{tag}>")


def joined(*content: str) -> Html:
    """Texts and markup, one behind the other."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in content))


def _written(value: str | float) -> str:
    """A hundredth of a pixel is finer than anyone sees."""
    return value if isinstance(value, str) else f"{round(value, 2):g}"
