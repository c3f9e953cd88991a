"""The report of a bench: one HTML file with all that it needs, which opens without a network and prints."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from gridrt import __version__
from gridrt.bench.disagreement import Disagreement
from gridrt.bench.result import BenchResult
from gridrt.files import write_text
from gridrt.report.bench_report.artefacts import accuracy_table, speed_table
from gridrt.report.bench_report.classes import by_class
from gridrt.report.bench_report.conditions import conditions, provenance, terms
from gridrt.report.bench_report.histogram import histograms
from gridrt.report.bench_report.iou_chart import by_iou
from gridrt.report.bench_report.look import looks_of, names_of
from gridrt.report.bench_report.markup import Html, element, joined
from gridrt.report.bench_report.pictures import pictures
from gridrt.report.bench_report.recall_chart import precision_recall
from gridrt.report.bench_report.stage_chart import stages
from gridrt.report.bench_report.summary import headline, summary
from gridrt.report.bench_report.trade_off import trade_off

FOLDER = Path(__file__).parent
STYLE, SCRIPT = (Html((FOLDER / name).read_text(encoding="utf-8")) for name in ("style.css", "script.js"))
DATA_ID = "result"
"""Of the element with the JSON."""


def save_bench_report(target: str | Path, result: BenchResult, disagreements: Sequence[Disagreement]) -> None:
    """Write the report, atomically.

    Args:
        target: an HTML file.
        result: what it tells of.
        disagreements: pictures that it shows, in this order; one that cannot be read is replaced by the reason.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(target, bench_page(result, disagreements))


def bench_page(result: BenchResult, disagreements: Sequence[Disagreement]) -> str:
    """The report as HTML; see `save_bench_report`."""
    sections = [(name, title, content) for name, title, content in _sections(result, disagreements) if content]
    links = (element("li", element("a", title, href=f"#{name}")) for name, title, _ in sections)
    body = element(
        "body",
        element("header", element("p", f"GridRT {__version__} bench", class_="kicker"), summary(result)),
        element("nav", element("ul", *links), aria_label="Sections"),
        element("main", *(_section(*section) for section in sections)),
        element("script", _embedded(result), type="application/json", id=DATA_ID),
        element("script", SCRIPT),
    )
    return f"<!DOCTYPE html>\n{element('html', _head(result), body, lang='en')}\n"


def _sections(result: BenchResult, disagreements: Sequence[Disagreement]) -> Iterator[tuple[str, str, Html]]:
    """Name, title and content; no content where nothing was measured."""
    looks = looks_of(result)
    yield "figures", "Figures", joined(accuracy_table(result), by_class(looks), speed_table(result))
    yield "trade-off", "Accuracy against latency", trade_off(looks)
    yield "iou", "Accuracy by IoU", by_iou(looks)
    yield "recall", "Precision over recall", precision_recall(looks)
    yield "latency", "Latency", histograms(looks)
    yield "stages", "Stages", stages(looks)
    yield "pictures", "Where they differ most", pictures(disagreements, names_of(result))
    yield "conditions", "Conditions", joined(conditions(result.conditions), provenance(looks))
    yield "terms", "What the words mean", terms()


def _section(name: str, title: str, content: Html) -> Html:
    return element(
        "section", element("h2", title, id=f"{name}-title"), content, id=name, aria_labelledby=f"{name}-title"
    )


def _head(result: BenchResult) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy()),
        element("title", f"GridRT bench: {headline(result)}"),
        element("style", STYLE),
    )


def _policy() -> str:
    """Nothing is fetched, and no script runs but ours, whatever the names in the page."""
    return f"default-src 'none'; img-src data:; style-src '{_digest(STYLE)}'; script-src '{_digest(SCRIPT)}'"


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(result: BenchResult) -> Html:
    """The JSON, without the one character that could end its element."""
    compact = json.dumps(json.loads(result.to_json()), separators=(",", ":"))
    return Html(compact.replace("<", "\\u003c"))
