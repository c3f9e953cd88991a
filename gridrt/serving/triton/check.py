"""Prove that a served detector answers as the detector itself does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gridrt.data.sources import expand, is_video
from gridrt.detector import Detector
from gridrt.errors import GridRTError, VerificationError
from gridrt.formatting import format_count
from gridrt.matched_detections import match_detections
from gridrt.serving.detect_each import Outcome, detect_each
from gridrt.serving.triton.client import TritonClient
from gridrt.types import UInt8Array

BOX_TOLERANCE, SCORE_TOLERANCE = 0.01, 2e-4
"""Pixels, and probability: a server may sum in another order than this process."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class TritonCheck:
    """Answers of a server that equal those of the detector.

    Attributes:
        url: of the server.
        images: how many were sent.
        refused: how many of them neither the server nor the detector can read.
        detections: found in them.
        largest_box_error: pixels.
        largest_score_error: probability.
    """

    url: str
    images: int
    refused: int
    detections: int
    largest_box_error: float
    largest_score_error: float


def check_served(detector: Detector, url: str, name: str, images: Path, together: int) -> TritonCheck:
    """Send each image of a folder as a file, as pixels, and as a file together with others of any sizes.

    Args:
        detector: that the answers are compared with; it runs each image alone.
        url: of the server.
        name: of the model.
        images: folder.
        together: images in one request of several.

    Raises:
        VerificationError: an answer differs from that of the detector.
        GridRTError: the folder has no images, the server does not answer, or as `TritonClient`.
    """
    client = TritonClient(url, name)
    files = [file for file in expand([str(images)]) if not is_video(file)]
    expected: list[Outcome] = []
    errors = [(0.0, 0.0)]
    for start in range(0, len(files), together):
        part = files[start : start + together]
        contents = [file.read_bytes() for file in part]
        pixels = [_or_error(partial(detector.load_image, file)) for file in part]
        alone = detect_each(detector, pixels, 1)
        answers = _answers(client, contents, pixels)
        errors += [_compare(*each, url) for answer in answers for each in zip(part, alone, answer, strict=True)]
        expected += alone
    client.close()
    found = [each for each in expected if not isinstance(each, GridRTError)]
    box_error, score_error = map(max, zip(*errors, strict=True))
    return TritonCheck(url, len(files), len(files) - len(found), sum(map(len, found)), box_error, score_error)


def _answers(
    client: TritonClient, contents: Sequence[bytes], pixels: Sequence[UInt8Array | GridRTError]
) -> list[list[Outcome]]:
    """What the server says of the same images: files one by one, pixels one by one, and files in one request."""
    as_files = [_or_error(partial(_first, client.detect_encoded, [content])) for content in contents]
    as_pixels = [
        image if isinstance(image, GridRTError) else _or_error(partial(_first, client.detect_pixels, image[None]))
        for image in pixels
    ]
    in_one = _or_error(lambda: client.detect_encoded(contents))
    return [as_files, as_pixels, [in_one] * len(contents) if isinstance(in_one, GridRTError) else in_one]


def _first(ask: Callable[[Any], Sequence[Outcome]], images: object) -> Outcome:
    return ask(images)[0]


def _or_error(ask: Callable[[], Result]) -> Result | GridRTError:
    try:
        return ask()
    except GridRTError as error:
        return error


def _compare(file: Path, expected: Outcome, served: Outcome, url: str) -> tuple[float, float]:
    """The largest differences of a coordinate and of a score; 0 where neither side can read the image."""
    if isinstance(expected, GridRTError) and isinstance(served, GridRTError):
        return 0.0, 0.0
    if isinstance(expected, GridRTError) or isinstance(served, GridRTError):
        sides = {"the detector": expected, url: served}
        value = "; ".join(
            f"{side}: {each if isinstance(each, GridRTError) else format_count(len(each), 'detection')}"
            for side, each in sides.items()
        )
        raise VerificationError("both sides must detect or refuse", place=file, value=value)
    matched = match_detections(expected, served)
    if outside := matched.outside(BOX_TOLERANCE, SCORE_TOLERANCE):
        raise VerificationError(
            f"the answer of {url} must not differ from the detector's",
            place=file,
            value=f"{outside} of {len(expected)} detections, beyond {BOX_TOLERANCE} px or {SCORE_TOLERANCE} in score",
            remedy="Is the same model served, at the same scale?",
        )
    return float(matched.box_errors.max(initial=0)), float(matched.score_errors.max(initial=0))
