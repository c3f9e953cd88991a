"""What charts show, read back from the drawing by the ticks of its axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from gridrt.bench.result import BenchResult, Row, StageRow
from gridrt.report.bench_report.histogram import BARS, histograms
from gridrt.report.bench_report.iou_chart import by_iou
from gridrt.report.bench_report.look import looks_of
from gridrt.report.bench_report.page import STYLE
from gridrt.report.bench_report.plot import BOTTOM, LEFT, RIGHT, TOP
from gridrt.report.bench_report.recall_chart import precision_recall
from gridrt.report.bench_report.stage_chart import stages
from gridrt.report.bench_report.trade_off import trade_off
from gridrt.stages import STAGES
from tests.bench_results import bench_result, many_rows, rows
from tests.html_pages import Node, numbers_in, parsed


def scale(chart: Node, kind: str) -> Callable[[float], float]:
    """From pixels to values, by the ticks of one axis: "middle" is the horizontal one, "end" the vertical one."""
    ticks = [text for text in chart.all("text", class_="tick") if kind in text.attributes["class"].split()]
    place = "x" if kind == "middle" else "y"
    values = [float(tick.text.replace("−", "-")) for tick in ticks]  # noqa: RUF001 - a minus sign
    lines = [line.attributes for line in chart.all("line", class_="grid")]
    fixed = {"x": "x1", "y": "y1"}[place]
    other = {"x": "x2", "y": "y2"}[place]
    pixels = sorted({float(line[fixed]) for line in lines if line[fixed] == line[other]}, reverse=place == "y")
    slope, start = np.polyfit(pixels, values, 1)
    return lambda pixel: float(slope * pixel + start)


def curve(chart: Node, index: int) -> list[tuple[float, float]]:
    """The values that a row's line goes through."""
    across, up = scale(chart, "middle"), scale(chart, "end")
    places = numbers_in(chart.one("g", data_artefact=str(index)).all("path")[0].attributes["d"])
    return [(across(x), up(y)) for x, y in zip(places[::2], places[1::2], strict=True)]


def charts(drawn: str) -> Sequence[Node]:
    return parsed(drawn).all("svg", class_="chart")


def test_ap_by_iou_goes_through_the_figures_and_the_differences() -> None:
    values, differences = charts(by_iou(looks_of(bench_result())))

    base = ap_by_iou(rows()[0])
    for index, row in enumerate(rows()):
        wanted = ap_by_iou(row)
        np.testing.assert_allclose(curve(values, index), list(wanted.items()), atol=0.05)
        less = [(iou, value - base[iou]) for iou, value in wanted.items()]
        np.testing.assert_allclose(curve(differences, index), less, atol=0.05)


def ap_by_iou(row: Row) -> dict[float, float]:
    """In points."""
    assert row.accuracy is not None
    return {float(iou): 100 * value for iou, value in row.accuracy.by_iou.items() if value is not None}


def test_precision_goes_through_every_recall() -> None:
    drawn = charts(precision_recall(looks_of(bench_result())))

    assert [chart.attributes["aria-label"][-4:] for chart in drawn] == ["0.50", "0.75", "0.90"]
    accuracy = rows()[3].accuracy
    assert accuracy is not None
    for chart, precision in zip(drawn, accuracy.precision_recall.values(), strict=True):
        np.testing.assert_allclose(curve(chart, 3), list(zip(np.arange(101) / 100, precision, strict=True)), atol=0.002)


def test_each_row_is_where_its_ap_and_latency_are() -> None:
    (chart,) = charts(trade_off(looks_of(bench_result())))
    across, up = scale(chart, "middle"), scale(chart, "end")

    circle = chart.one("circle").attributes  # the first row's shape
    assert across(float(circle["cx"])) == pytest.approx(82.0, abs=0.1)
    assert up(float(circle["cy"])) == pytest.approx(72.5, abs=0.05)
    assert chart.one("circle").text == "tiny_bccd.pth: AP 72.5, 82.0 ms"


@pytest.mark.parametrize("count", [2, 6, 12, 30])
def test_every_marker_has_its_name_or_number_in_the_frame_and_apart(count: int) -> None:
    drawn = trade_off(looks_of(bench_result(many_rows(count))))
    (chart,) = charts(drawn)

    boxes = []
    for name in chart.all("text", class_="name"):
        x, y, width = float(name.attributes["x"]), float(name.attributes["y"]), 7.4 * len(name.text)
        aligned = name.attributes["class"].split()[1]
        left = x - {"start": 0, "middle": width / 2, "end": width}[aligned]
        assert left >= LEFT
        assert left + width <= RIGHT
        assert TOP <= y <= BOTTOM + 1
        boxes.append((left, left + width, y))
    apart = [
        one[1] <= other[0] or other[1] <= one[0] or abs(one[2] - other[2]) >= 12
        for index, one in enumerate(boxes)
        for other in boxes[:index]
    ]
    assert all(apart)
    assert len(boxes) == count
    known = {legend.text.split()[0] for legend in parsed(drawn).all("li")}
    assert all(name.text in known for name in chart.all("text", class_="name") if name.text.isdigit())


def test_the_bars_of_a_histogram_count_every_image() -> None:
    session, detector = charts(histograms(looks_of(bench_result())))

    for chart in (session, detector):
        for group in chart.all("g"):
            way = numbers_in(group.one("path", class_="area").attributes["d"])
            foot = way[1]
            heights = [foot - y for y in way[3:-2:4]]
            assert max(heights) == pytest.approx(BARS)
            counts = np.array(heights) / max(heights)
            highest = round(120 / counts.sum())
            np.testing.assert_allclose(counts * highest, np.round(counts * highest), atol=0.35)


def test_bars_are_as_long_as_stages_take_and_bounds_below_them() -> None:
    (chart,) = charts(stages(looks_of(bench_result())))
    across = scale(chart, "middle")

    for index, row in enumerate(rows()):
        group = chart.one("g", data_artefact=str(index))
        bars = [bar.attributes for bar in group.all("rect") if bar.attributes["class"] != "bound"]
        lengths = [across(float(bar["x"]) + float(bar["width"])) - across(float(bar["x"])) for bar in bars]
        wanted = [1000 * stage.seconds for stage in row.stages]
        np.testing.assert_allclose(lengths, wanted, atol=0.3)
        starts = [across(float(bar["x"])) for bar in bars]
        np.testing.assert_allclose(starts, np.cumsum([0, *wanted[:-1]]), atol=0.1)
        bounds = [across(float(bar.attributes["width"])) - across(0) for bar in group.all("rect", class_="bound")]
        known = [1000 * stage.bound for stage in row.stages if stage.bound is not None]
        np.testing.assert_allclose(bounds, known, atol=0.3)


def test_the_times_of_stages_are_told_from_the_medians_of_the_tables() -> None:
    caption = parsed(stages(looks_of(bench_result()))).one("figcaption").text

    assert "one run" in caption
    assert "medians" in caption


def test_stages_are_shown_in_numbers() -> None:
    one = replace(rows()[0], stages=[StageRow("backbone", 0.06, 0.02), StageRow("rpn", 0.02, None)])

    table = parsed(stages(looks_of(bench_result([one])))).one("table")

    head, *lines = [[cell.text for cell in row.all("th") + row.all("td")] for row in table.all("tr")]
    assert head == ["Stage", "ms", "share", "bound, ms", "times the bound"]
    assert lines == [["1 backbone", "60.0", "75%", "20.0", "3.0"], ["2 rpn", "20.0", "25%", "-", "-"]]


def test_no_two_stages_share_a_colour() -> None:
    one = replace(rows()[0], stages=[StageRow(stage, 0.01, None) for stage in STAGES])

    drawn = parsed(stages(looks_of(bench_result([one]))))

    bars = [bar.attributes["class"] for bar in drawn.all("rect")]
    entries = [entry.attributes["class"].removeprefix("number ") for entry in drawn.all("span", class_="number")]
    assert bars == entries
    assert len({colour_of(kind) for kind in bars}) == len(STAGES)


def colour_of(kind: str) -> str:
    found = re.search(rf"\.{kind} \{{ --c: var\((--[st]\d+)\); \}}", STYLE)
    assert found, kind
    return found[1]


def bare() -> BenchResult:
    return bench_result([replace(row, accuracy=None, speed=None, stages=[]) for row in rows()])


@pytest.mark.parametrize("chart", [by_iou, precision_recall, trade_off, histograms, stages])
def test_nothing_measured_is_no_chart(chart: Callable[..., str]) -> None:
    assert chart(looks_of(bare())) == ""
