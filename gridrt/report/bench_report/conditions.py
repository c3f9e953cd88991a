"""What the figures hold for: conditions, hashes, and what the words mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridrt.report.bench_report.figures import UNKNOWN
from gridrt.report.bench_report.look import Look, file_name
from gridrt.report.bench_report.markup import Html, element
from gridrt.report.bench_report.tables import Column, Line, table

TERMS = {
    "Reference": "the artefact that all others are held against, on the same images.",
    "Session": "the model alone, from the resized image to the boxes in it.",
    "Whole detector": "all that a user waits for, from the picture file to the boxes in its pixels.",
    "p50, p95, p99": "half, 95 % and 99 % of the images took no longer; p50 is the median.",
    "fps": "images per second, one at a time, at the median latency.",
    "Speedup": "the reference's time over the artefact's for each image, both timed one right after the other, and the "
    "median of these ratios; what slows the machine for a while slows both.",
    "IoU": "the area that two boxes share, over the area that they cover together; 1 is a perfect fit.",
    "AP": "average precision in points of 100: precision averaged over recall, over classes, and over the IoU "
    "thresholds 0.50, 0.55, ..., 0.95, as COCO defines it.",
    "AP50, AP75, AP80, AP90": "AP at that one IoU threshold, in percent.",
    "small, medium, large": "AP of objects of less than 32 x 32 pixels, up to 96 x 96, and above.",
    "Change": "the artefact's AP less the reference's, in points.",
    "Precision and recall": "the share of detections that are right, and the share of objects that are found.",
    "Floor": "what a stage takes at least on this machine, by its arithmetic and the bytes it moves.",
    "Memory": "the most main memory that the artefact's process held, and the GPU memory it held.",
}


def conditions(stated: Mapping[str, Any]) -> Html:
    """Under which it was measured, as they were noted."""
    if not stated:
        return element("p", "They were not noted.")
    return element("div", _described(stated), class_="card")


def _described(stated: Mapping[str, Any]) -> Html:
    pairs = (part for name, value in stated.items() for part in _pair(name, value))
    return element("dl", *pairs)


def _pair(name: str, value: object) -> tuple[Html, Html]:
    return element("dt", str(name).replace("_", " ")), element("dd", _told(value))


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return _described(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return UNKNOWN if value is None else str(value)


def provenance(looks: Sequence[Look]) -> Html:
    """What ran each artefact, and the hashes that name its file and its weights."""
    columns = [Column("Artefact"), Column("Run by"), Column("SHA-256 of the file"), Column("SHA-256 of its weights")]
    lines = [
        Line(
            [
                file_name(look.row.artefact),
                look.row.backend or UNKNOWN,
                _hash(look.row.sha256),
                _hash(look.row.weights_sha256),
            ]
        )
        for look in looks
    ]
    return table("Files and what ran them", columns, lines, kind="words")


def _hash(digest: str | None) -> Html:
    return element("code", digest or UNKNOWN)


def terms() -> Html:
    """What the words of the report mean."""
    pairs = (part for word, meaning in TERMS.items() for part in (element("dt", word), element("dd", meaning)))
    return element("div", element("dl", *pairs, class_="terms"), class_="card")
