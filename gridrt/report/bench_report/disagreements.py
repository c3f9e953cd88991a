"""Images in which a row and the reference differ most, with the boxes of both drawn over them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from PIL import Image

from gridrt.bench.disagreement import SCORE_THRESHOLD, Disagreement
from gridrt.bench.result import BenchResult
from gridrt.matched_detections import MatchedDetections, match_detections
from gridrt.report.bench_report.look import file_name, looks_of
from gridrt.report.bench_report.markup import element, joined, render
from gridrt.types import Detections, Float32Array, UInt8Array

LONG_SIDE = 1000  # pixels of an image at most
ALL_PIXELS = 12_000_000  # of all images together, about 3 MB
QUALITY = 80
CANVAS = 640  # units of the drawing along the long side of the image
SHOWN = f"Detections with a score of at least {SCORE_THRESHOLD:.0%}, in the images where they differ most."
LETTER, LINE = 16, 26  # units that a letter is wide and a line of text is high, at most


@dataclass(frozen=True)
class Photo:
    """An image that the page contains once, however often it is shown.

    Attributes:
        name: by which the page refers to it.
        width: units of the drawing.
        height: the same.
        scale: units per pixel of the file.
        data: JPEG, as a data URI.
    """

    name: str
    width: float
    height: float
    scale: float
    data: str


def disagreement_figures(result: BenchResult) -> Markup:
    """A figure for each disagreement; nothing where there is none."""
    if not result.disagreements:
        return Markup()
    names = {look.row.name: look.name for look in looks_of(result)}
    images = {each.file: each.image for each in result.disagreements}
    photos = {file: _photo(image, f"photo{index}", len(images)) for index, (file, image) in enumerate(images.items())}
    hidden = (
        element("image", id=one.name, href=one.data, width=one.width, height=one.height) for one in photos.values()
    )
    definitions = element("svg", element("defs", *hidden), width=0, height=0, aria_hidden="true", class_="held")
    figures = (_figure(one, names.get(one.row, one.row), photos[one.file]) for one in result.disagreements)
    return joined(
        element("p", SHOWN), render("box_legend.html"), definitions, element("div", *figures, class_="disagreements")
    )


def _photo(pixels: UInt8Array, name: str, count: int) -> Photo:
    """The image, small enough for `count` of them."""
    image = Image.fromarray(pixels)
    width, height = image.size
    scale = CANVAS / max(width, height)
    side = min(LONG_SIDE, int((ALL_PIXELS / count) ** 0.5))
    image.thumbnail((side, side))
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=QUALITY)
    data = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    return Photo(name, width * scale, height * scale, scale, data)


def _figure(one: Disagreement, name: str, photo: Photo) -> Markup:
    found = match_detections(one.reference, one.other)
    words = difference_in_words(found)
    head = joined(element("strong", file_name(name)), " on ", file_name(one.file.name))
    caption = element("figcaption", element("p", head), element("p", words))
    label = f"{one.file.name} with the boxes of the reference and of {name}. {words}"
    rows, columns = ({pair[side] for pair in found.pairs} for side in (0, 1))
    sides = ((one.reference, rows, "theirs"), (one.other, columns, "mine"))
    shared = [
        _box(side.boxes[index] * photo.scale, f"box {kind}") for side, paired, kind in sides for index in sorted(paired)
    ]
    # Boxes without a partner come last, on top, with their tags.
    alone = [mark for side, paired, kind in sides for mark in _alone(side, paired, kind, photo, one.class_names)]
    boxes, tags = ([mark[layer] for mark in alone] for layer in (0, 1))
    view, image = f"0 0 {photo.width:g} {photo.height:g}", element("use", href=f"#{photo.name}")
    drawing = element("svg", image, *shared, *boxes, *tags, viewBox=view, role="img", aria_label=label, class_="photo")
    return element("figure", drawing, caption, class_="card")


def difference_in_words(found: MatchedDetections) -> str:
    """Such as "2 found by the reference alone, 1 by the model alone; 9 by both, with a mean IoU of 0.94."."""
    alone = f"{found.missing} found by the reference alone, {found.extra} by the model alone"
    if not found.matched:
        return f"{alone}; none by both."
    return f"{alone}; {found.matched} by both, with a mean IoU of {found.overlaps.mean():.2f}."


def _alone(
    side: Detections, paired: set[int], kind: str, photo: Photo, class_names: Sequence[str]
) -> Iterator[tuple[Markup, Markup]]:
    """Boxes without a partner, each with its tag.

    A tag is above its box, or below its upper edge at the top of the image, and aligned right where it would not fit.
    """
    for index in range(len(side)):
        if index in paired:
            continue
        box = side.boxes[index] * photo.scale
        left, top, right = (float(value) for value in box[:3])
        words = f"{class_names[side.labels[index]]} {side.scores[index]:.0%}"
        is_cut = left + LETTER * len(words) > photo.width
        x = min(right, photo.width - 2) if is_cut else max(left, 2)
        y = top - 5 if top >= LINE else max(top, 0) + LINE - 3
        tag = element("text", words, x=x, y=y, class_=f"tag end {kind}" if is_cut else f"tag {kind}")
        yield _box(box, f"box alone {kind}"), tag


def _box(box: Float32Array, kind: str) -> Markup:
    """A dark line below separates the box from any background."""
    left, top, right, bottom = (float(value) for value in box)
    way = f"M{left:.1f} {top:.1f}H{right:.1f}V{bottom:.1f}H{left:.1f}Z"
    return joined(element("path", d=way, class_=f"{kind} halo"), element("path", d=way, class_=kind))
