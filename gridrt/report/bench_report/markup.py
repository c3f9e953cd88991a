"""HTML from templates and SVG from parts; text is escaped unless it is `Markup`."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gridrt.report.bench_report.figures import condition_in_words

VOID = frozenset({"image", "line", "path", "rect", "use", "wbr"})
"""Elements that hold nothing here."""
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["stated"] = condition_in_words


def render(template: str, **context: object) -> Markup:
    """A template of this folder, filled in."""
    return Markup(TEMPLATES.get_template(template).render(context))  # noqa: S704 - templates escape what they are given


def element(tag: str, *content: str, **attributes: str | float | None) -> Markup:
    """An element.

    Args:
        tag: its name.
        content: text, which is escaped, or `Markup`, which is not.
        attributes: `stroke_width` is written `stroke-width`, and `class_` is `class`; None leaves it out.
    """
    named = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items() if value is not None)
    # A hundredth of a pixel is finer than anyone sees.
    written = ((name, value if isinstance(value, str) else f"{round(value, 2):g}") for name, value in named)
    head = tag + "".join(f' {name}="{escape(value)}"' for name, value in written)
    if tag in VOID:
        return Markup(f"<{head}>" if tag == "wbr" else f"<{head}/>")  # noqa: S704 - escaped above
    return Markup(f"<{head}>{joined(*content)}</{tag}>")  # noqa: S704 - the same


def joined(*content: str) -> Markup:
    """Texts and markup, one behind the other."""
    return Markup().join(content)
