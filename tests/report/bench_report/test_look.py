from __future__ import annotations

import pytest

from gridrt.report.bench_report.look import legend, lines_through, looks_of, short_names, shortened
from tests.bench_results import bench_result, many_rows
from tests.html_pages import parsed


def test_twelve_rows_can_be_told_apart_without_colour() -> None:
    swatches = parsed(legend(looks_of(bench_result(many_rows(12))))).all("svg")

    shapes = []
    for swatch in swatches:
        line = swatch.one("path").attributes.get("stroke-dasharray", "")
        marker = (swatch.all("circle") or swatch.all("polygon"))[0].attributes
        shapes.append((line, marker.get("points", ""), marker["class"]))
    assert len(set(shapes)) == 12


def test_the_reference_has_a_colour_of_its_own() -> None:
    looks = looks_of(bench_result(many_rows(9)))

    assert len({look.color for look in looks}) == 9
    assert [look.is_reference for look in looks] == [True] + [False] * 8


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (["a/b/c.onnx", "a/b/d.onnx"], ["c.onnx", "d.onnx"]),
        (["a/b/c.onnx", "a/d/c.onnx"], ["b/c.onnx", "d/c.onnx"]),
        (["tiny_bccd", "a/c.onnx"], ["tiny_bccd", "a/c.onnx"]),
        (["/c.onnx"], ["c.onnx"]),
        ([], []),
    ],
)
def test_names_leave_out_the_folders_that_all_share(rows: list[str], names: list[str]) -> None:
    assert short_names(rows) == names


def test_a_long_name_keeps_its_end() -> None:
    short = shortened("grid_rcnn_r101_coco.int8.onnx", 16)

    assert (short[:5], short[-10:], len(short)) == ("grid_", ".int8.onnx", 16)


def test_a_gap_parts_a_line() -> None:
    assert lines_through([(0, 0), (1, 1), None, None, (2, 2)]) == [[(0, 0), (1, 1)], [(2, 2)]]
