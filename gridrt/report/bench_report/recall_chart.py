"""Precision-recall curves at the IoUs that were kept."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from gridrt.report.bench_report.axis import linear_axis
from gridrt.report.bench_report.look import Look, file_name, legend, on_top
from gridrt.report.bench_report.markup import element, joined
from gridrt.report.bench_report.plot import BOTTOM, LEFT, RIGHT, TOP, figure, plot
from gridrt.report.bench_report.tables import Column, Line, folded, table

MARKERS = 5  # of a curve
RECALLS = tuple(range(0, 101, 10))  # percent, in the table of numbers


def precision_recall(looks: Sequence[Look]) -> Markup:
    """A chart of precision over recall for each IoU that was kept."""
    having = [look for look in looks if look.row.accuracy and any(look.row.accuracy.precision_recall.values())]
    ious = sorted({iou for look in having for iou in _curves(look)})
    if not having:
        return Markup()
    charts = element("div", *(_recall_chart(having, iou) for iou in ious), class_="charts three")
    tables = [_recall_table(having, iou) for iou in ious]
    caption = "Precision at each recall, mean over classes. The further right a curve holds its height, the better."
    return joined(figure(caption, charts, legend(having)), folded("Numbers: precision at recall", *tables))


def _curves(look: Look) -> dict[str, Sequence[float]]:
    accuracy = look.row.accuracy
    return {iou: curve for iou, curve in accuracy.precision_recall.items() if curve} if accuracy else {}


def _recall_chart(looks: Sequence[Look], iou: str) -> Markup:
    x, y = linear_axis(0, 1, LEFT, RIGHT), linear_axis(0, 1, BOTTOM, TOP)
    drawn = []
    for look in looks:
        precision = _curves(look).get(iou, ())
        last = max(len(precision) - 1, 1)
        places = [(x.at(step / last), y.at(value)) for step, value in enumerate(precision)]
        every = max(last // MARKERS, 1)
        first = look.index * 3 % every  # apart from the others' markers, as curves often lie on each other
        markers = (look.marker(*place) for place in places[first::every])
        drawn.append(look.group(look.line(places), *markers) if places else Markup())
    chart = plot(x, y, "recall", "precision", f"Precision over recall at IoU {iou}", on_top(looks, drawn))
    return element("div", element("h3", f"IoU {iou}"), chart)


def _recall_table(looks: Sequence[Look], iou: str) -> Markup:
    columns = [Column("Model"), *(Column(f"{recall / 100:.1f}") for recall in RECALLS)]
    lines = [
        Line([file_name(look.name), *(f"{curve[recall * (len(curve) - 1) // 100]:.2f}" for recall in RECALLS)])
        for look in looks
        if (curve := _curves(look).get(iou))
    ]
    return table(f"Precision at recall, IoU {iou}", columns, lines)
