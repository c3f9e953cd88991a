"""AP by IoU threshold, and its change from the reference's."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from gridrt.report.bench_report.axis import Axis, linear_axis
from gridrt.report.bench_report.look import Look, file_name, legend, lines_through, on_top
from gridrt.report.bench_report.markup import element, joined
from gridrt.report.bench_report.plot import BOTTOM, LEFT, RIGHT, TOP, figure, plot
from gridrt.report.bench_report.tables import Column, Line, folded, table
from gridrt.report.metrics import points

LEAST_SPAN = 2.0  # points of AP that the axis of differences spans at least


def by_iou(looks: Sequence[Look]) -> Markup:
    """AP at each IoU threshold, and the same minus the reference's; with the numbers."""
    shown = [look for look in looks if look.row.accuracy and _known(_iou_values(look))]
    if not shown:
        return Markup()
    y = linear_axis(0, 100, BOTTOM, TOP)
    charts = [_over_iou(shown, [_iou_values(look) for look in shown], y, "AP, points", "AP by IoU threshold")]
    reference = next((look for look in shown if look.is_reference), None)
    if reference and len(shown) > 1:
        charts.append(_difference_over_iou(shown, reference))
    caption = "How AP falls as boxes have to fit better; right, the change from the reference."
    alone = "How AP falls as boxes have to fit better."
    drawing = element("div", *charts, class_="charts")
    drawn = figure(caption if len(charts) > 1 else alone, drawing, legend(shown))
    return joined(drawn, folded("Numbers: AP by IoU threshold", _iou_table(shown)))


def _difference_over_iou(shown: Sequence[Look], reference: Look) -> Markup:
    base = _iou_values(reference)
    values = [
        {iou: None if (mine := own[iou]) is None or (theirs := base.get(iou)) is None else mine - theirs for iou in own}
        for own in map(_iou_values, shown)
    ]
    known = [value for own in values for value in _known(own)]
    y = linear_axis(min([0.0, *known]), max([0.0, *known]), BOTTOM, TOP, least=LEAST_SPAN)
    return _over_iou(shown, values, y, "AP minus the reference's, points", "Change of AP by IoU threshold")


def _over_iou(
    looks: Sequence[Look], values: Sequence[dict[float, float | None]], y: Axis, y_label: str, label: str
) -> Markup:
    x = Axis(0.475, 0.975, LEFT, RIGHT, (0.5, 0.6, 0.7, 0.8, 0.9))
    drawn = []
    for look, own in zip(looks, values, strict=True):
        places = [None if value is None else (x.at(iou), y.at(value)) for iou, value in own.items()]
        lines = (look.line(run) for run in lines_through(places))
        titles = (f"{look.name}, IoU {iou:.2f}: {value:.1f}" for iou, value in own.items() if value is not None)
        markers = (look.marker(*place, title) for place, title in zip(filter(None, places), titles, strict=True))
        drawn.append(look.group(*lines, *markers))
    return plot(x, y, "IoU threshold", y_label, label, on_top(looks, drawn))


def _iou_values(look: Look) -> dict[float, float | None]:
    """AP in points by IoU."""
    by_name = look.row.accuracy.by_iou if look.row.accuracy else {}
    return {float(iou): None if value is None else 100 * value for iou, value in by_name.items()}


def _known(values: dict[float, float | None]) -> list[float]:
    return [value for value in values.values() if value is not None]


def _iou_table(looks: Sequence[Look]) -> Markup:
    names = sorted({iou for look in looks for iou in _iou_values(look)})
    lines = []
    for look in looks:
        values = _iou_values(look)
        cells = [value if (value := values.get(iou)) is None else value / 100 for iou in names]
        lines.append(Line([file_name(look.name), *map(points, cells)]))
    return table("AP at each IoU threshold, points", [Column("Model"), *(Column(f"{iou:.2f}") for iou in names)], lines)
