"""Pictures in which an artefact and the reference differ most, with the boxes of both drawn over them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gridrt.agreement import Agreement, agreement
from gridrt.bench.disagreement import SCORE_THRESHOLD, Disagreement
from gridrt.data.image import load_image
from gridrt.errors import ImageError
from gridrt.report.bench_report.look import file_name
from gridrt.report.bench_report.markup import Html, element, joined
from gridrt.types import Detections, Float32Array

LONG_SIDE = 1000  # pixels of a picture at most
ALL_PIXELS = 12_000_000  # of all pictures together, about 3 MB
QUALITY = 80
CANVAS = 640  # units of the drawing along the long side of the picture
SHOWN = f"Detections with a score of at least {SCORE_THRESHOLD:.0%}, in the pictures where they differ most."
LETTER, LINE = 16, 26  # units that a letter is wide and a line of text is high, at most


@dataclass(frozen=True)
class Picture:
    """A picture that the page holds once, however often it is shown.

    Attributes:
        name: by which the page refers to it.
        width: units of the drawing.
        height: the same.
        scale: units to a pixel of the file.
        data: JPEG, as a data URI.
    """

    name: str
    width: float
    height: float
    scale: float
    data: str


def pictures(disagreements: Sequence[Disagreement], names: Mapping[str, str]) -> Html:
    """A figure for each disagreement; nothing where there is none.

    Args:
        disagreements: in the order of the figures.
        names: the short name of each artefact.
    """
    if not disagreements:
        return Html()
    files = list(dict.fromkeys(one.picture for one in disagreements))
    held = {file: _load(file, f"picture{index}", len(files)) for index, file in enumerate(files)}
    drawn = {file: each for file, each in held.items() if isinstance(each, Picture)}
    figures = (_figure(one, names.get(one.artefact, one.artefact), held[one.picture]) for one in disagreements)
    return joined(
        element("p", SHOWN), _key(), _definitions(drawn.values()), element("div", *figures, class_="pictures")
    )


def _load(file: Path, name: str, count: int) -> Picture | str:
    """The picture, small enough for `count` of them, or why there is none."""
    try:
        image = Image.fromarray(load_image(file))
    except ImageError as error:
        return str(error)
    width, height = image.size
    scale = CANVAS / max(width, height)
    side = min(LONG_SIDE, int((ALL_PIXELS / count) ** 0.5))
    image.thumbnail((side, side))
    return Picture(name, width * scale, height * scale, scale, _jpeg(image))


def _jpeg(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _definitions(held: Iterable[Picture]) -> Html:
    images = (element("image", id=one.name, href=one.data, width=one.width, height=one.height) for one in held)
    return element("svg", element("defs", *images), width=0, height=0, aria_hidden="true", class_="held")


def _key() -> Html:
    """What the lines mean."""
    entries = (
        ("solid line: the reference", "box theirs"),
        ("dashed line: the artefact", "box mine"),
        ("heavy line, with a name: the other side does not find it", "box alone"),
    )
    return element("ul", *(element("li", _line(kind), words) for words, kind in entries), class_="legend")


def _line(kind: str) -> Html:
    line = element("path", d="M1 7H35", class_=kind)
    return element("svg", line, viewBox="0 0 36 14", width=36, height=14, aria_hidden="true", class_="swatch")


def _figure(one: Disagreement, artefact: str, picture: Picture | str) -> Html:
    found = agreement(one.reference, one.other)
    words = difference_in_words(found)
    head = joined(element("strong", file_name(artefact)), " on ", file_name(one.picture.name))
    caption = element("figcaption", element("p", head), element("p", words))
    if isinstance(picture, str):
        return element("figure", element("p", f"The picture cannot be shown: {picture}", class_="banner"), caption)
    label = f"{one.picture.name} with the boxes of the reference and of {artefact}. {words}"
    return element("figure", _drawing(one, found, picture, label), caption, class_="card")


def difference_in_words(found: Agreement) -> str:
    """Such as "2 found by the reference alone, 1 by the artefact alone; 9 by both, with a mean IoU of 0.94."."""
    alone = f"{found.missing} found by the reference alone, {found.extra} by the artefact alone"
    if not found.paired:
        return f"{alone}; none by both."
    return f"{alone}; {found.paired} by both, with a mean IoU of {found.overlaps.mean():.2f}."


def _drawing(one: Disagreement, found: Agreement, picture: Picture, label: str) -> Html:
    """Those that one side alone has come last, on top."""
    rows, columns = ({pair[side] for pair in found.pairs} for side in (0, 1))
    sides = ((one.reference, rows, "theirs"), (one.other, columns, "mine"))
    shared = joined(*(_shared(side, paired, kind, picture) for side, paired, kind in sides))
    alone = [mark for side, paired, kind in sides for mark in _alone(side, paired, kind, picture, one.class_names)]
    boxes, tags = (joined(*(mark[layer] for mark in alone)) for layer in (0, 1))
    box = f"0 0 {picture.width:g} {picture.height:g}"
    image = element("use", href=f"#{picture.name}")
    return element("svg", image, shared, boxes, tags, viewBox=box, role="img", aria_label=label, class_="photo")


def _shared(side: Detections, paired: set[int], kind: str, picture: Picture) -> Html:
    return joined(*(_box(side.boxes[index] * picture.scale, f"box {kind}") for index in sorted(paired)))


def _alone(
    side: Detections, paired: set[int], kind: str, picture: Picture, class_names: Sequence[str]
) -> Iterator[tuple[Html, Html]]:
    """Boxes without a partner, with their tags."""
    for index in range(len(side)):
        if index not in paired:
            box = side.boxes[index] * picture.scale
            words = f"{class_names[side.labels[index]]} {side.scores[index]:.0%}"
            yield _box(box, f"box alone {kind}"), _name(box, words, kind, picture)


def _box(box: Float32Array, kind: str) -> Html:
    """A dark line below parts the box from any background."""
    left, top, right, bottom = (float(value) for value in box)
    way = f"M{left:.1f} {top:.1f}H{right:.1f}V{bottom:.1f}H{left:.1f}Z"
    return joined(element("path", d=way, class_=f"{kind} halo"), element("path", d=way, class_=kind))


def _name(box: Float32Array, words: str, kind: str, picture: Picture) -> Html:
    """Above the box, or below its upper edge where the picture ends; from its right end where it would not fit else."""
    left, top, right = (float(value) for value in box[:3])
    place = top - 5 if top >= LINE else max(top, 0) + LINE - 3
    if left + LETTER * len(words) > picture.width:
        return element("text", words, x=min(right, picture.width - 2), y=place, class_=f"tag end {kind}")
    return element("text", words, x=max(left, 2), y=place, class_=f"tag {kind}")
