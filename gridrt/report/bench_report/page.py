"""The report of a bench: one HTML file with all that it needs, which opens without a network and prints."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from gridrt import __version__
from gridrt.bench.result import BenchResult
from gridrt.files import write_text
from gridrt.report.bench_report.classes import by_class
from gridrt.report.bench_report.disagreements import disagreement_figures
from gridrt.report.bench_report.figure_tables import accuracy_table, provenance_table, speed_table
from gridrt.report.bench_report.histogram import histograms
from gridrt.report.bench_report.iou_chart import by_iou
from gridrt.report.bench_report.look import looks_of
from gridrt.report.bench_report.markup import joined, render
from gridrt.report.bench_report.recall_chart import precision_recall
from gridrt.report.bench_report.stage_chart import stages
from gridrt.report.bench_report.summary import headline, summary
from gridrt.report.bench_report.trade_off import trade_off

FOLDER = Path(__file__).parent
STYLE, SCRIPT = (Markup((FOLDER / name).read_text(encoding="utf-8")) for name in ("style.css", "script.js"))  # noqa: S704 - our own
DATA_ID = "result"
"""Of the element with the JSON."""


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        name: of its anchor.
        title: its heading.
        content: empty where nothing was measured.
    """

    name: str
    title: str
    content: Markup


def save_bench_report(target: str | Path, result: BenchResult) -> None:
    """Write the report to an HTML file, atomically.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(target, bench_page(result))


def bench_page(result: BenchResult) -> str:
    """The report as HTML."""
    compact = json.dumps(json.loads(result.to_json()), separators=(",", ":"))
    # Nothing is fetched, and no script runs but ours, whatever the names in the page.
    policy = f"default-src 'none'; img-src data:; style-src '{_digest(STYLE)}'; script-src '{_digest(SCRIPT)}'"
    return render(
        "page.html",
        data=Markup(compact.replace("<", "\\u003c")),  # noqa: S704 - without the one character that could end its element
        data_id=DATA_ID,
        headline=headline(result),
        policy=policy,
        script=SCRIPT,
        sections=[section for section in _sections(result) if section.content],
        style=STYLE,
        summary=summary(result),
        version=__version__,
    )


def _sections(result: BenchResult) -> Iterator[Section]:
    looks = looks_of(result)
    yield Section("figures", "Figures", joined(accuracy_table(looks), by_class(looks), speed_table(looks)))
    yield Section("trade-off", "Accuracy against latency", trade_off(looks))
    yield Section("iou", "Accuracy by IoU", by_iou(looks))
    yield Section("recall", "Precision over recall", precision_recall(looks))
    yield Section("latency", "Latency", histograms(looks))
    yield Section("stages", "Stages", stages(looks))
    yield Section("disagreements", "Where they differ most", disagreement_figures(result))
    conditions = joined(render("conditions.html", stated=result.conditions), provenance_table(looks))
    yield Section("conditions", "Conditions", conditions)
    yield Section("terms", "What the words mean", render("terms.html"))


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
