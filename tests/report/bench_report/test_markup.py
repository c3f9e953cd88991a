from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gridrt.report.bench_report.markup import element, joined, render
from tests.html_pages import parsed

# HTML has no way to write the first ones, and a parser makes line feeds of the last.
readable = st.text(st.characters(exclude_categories=("Cc", "Cs")))


@given(text=readable, value=readable)
def test_text_and_attributes_read_back_as_they_were(text: str, value: str) -> None:
    node = parsed(element("p", joined(text, element("b", text)), title=value)).one("p")

    assert (node._raw(), node.attributes) == (text * 2, {"title": value})


@given(text=readable)
def test_a_template_escapes_what_it_is_given(text: str) -> None:
    found = parsed(render("table.html", caption=text, columns=[], lines=[], kind=text))

    assert found.one("caption")._raw() == found.one("table").attributes.get("class", "") == text


def test_an_attribute_s_name_is_that_of_svg() -> None:
    drawn = element("path", class_="line", stroke_dasharray="7 3", aria_label=None, x1=1.23456, viewBox="0 0 1 1")

    assert drawn == '<path class="line" stroke-dasharray="7 3" x1="1.23" viewBox="0 0 1 1"/>'
