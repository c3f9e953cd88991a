"""The front of a detector in Triton's Python back end: encoded images or pixels in, detections in their own pixels out.

Shapes: b images of one request, N the most detections in one of them.

A request has either `encoded`, BYTES [b, 1], whole image files of any sizes, or `image`, UINT8 [b, H, W, 3], RGB. The
answer has `boxes` FP32 [b, N, 4], xyxy in pixels of each image, `scores` FP32 [b, N], best first, `labels` INT32
[b, N], -1 in unused rows, `names` BYTES [b, N], and `errors` BYTES [b, 1], empty for an image that went well. A request
of which no image went well is answered with the first error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gridrt.data.image import load_image
from gridrt.detector import Detector
from gridrt.errors import GridRTError
from gridrt.runtime.backend import open_session
from gridrt.serving.detect_each import Outcome, detect_each
from gridrt.serving.triton.behind import SessionBehind
from gridrt.serving.triton.served_model import ServedModel, read_served_model
from gridrt.types import Detections, UInt8Array

if TYPE_CHECKING:  # only Triton's own Python process has it
    import triton_python_backend_utils as pb

ENCODED, PIXELS = "encoded", "image"


class Front:
    """What Triton's Python back end calls: `initialize` once, then `execute` with the requests of a batch."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the detector that the file beside `model.py` describes."""
        folder = Path(args["model_repository"], args["model_version"])
        served = read_served_model(folder)
        self._detector = Detector(session_of(served, folder), served.scale)
        self._max_batch = served.max_batch
        self._readers = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "reader")

    def execute(self, requests: Sequence[pb.InferenceRequest]) -> list[pb.InferenceResponse]:
        """Answer each request; the images of all run together."""
        images = [self._images(request) for request in requests]
        outcomes = iter(detect_each(self._detector, [image for each in images for image in each], self._max_batch))
        return [_response(list(islice(outcomes, len(each))), self._detector.class_names) for each in images]

    def finalize(self) -> None:
        """Let the readers end."""
        self._readers.shutdown()

    def _images(self, request: pb.InferenceRequest) -> list[UInt8Array | GridRTError]:
        import triton_python_backend_utils as pb

        encoded = pb.get_input_tensor_by_name(request, ENCODED)
        pixels = pb.get_input_tensor_by_name(request, PIXELS)
        if (encoded is None) == (pixels is None):
            found = "neither" if encoded is None else "both"
            return [GridRTError(f"expected one of the inputs {ENCODED} and {PIXELS}, got {found}")]
        if encoded is not None:
            return list(self._readers.map(_read, encoded.as_numpy().ravel()))
        return list(pixels.as_numpy())


def session_of(served: ServedModel, folder: Path) -> Any:  # noqa: ANN401 - a session of any backend
    """What runs the model: the file in the folder of this version, or the model behind."""
    if served.file is not None:
        return open_session(folder / served.file, backend=served.backend, threads=served.threads)
    return SessionBehind(served)


def _read(content: bytes) -> UInt8Array | GridRTError:
    try:
        return load_image(content)
    except GridRTError as error:
        return error


def _response(outcomes: Sequence[Outcome], class_names: Sequence[str]) -> pb.InferenceResponse:
    import triton_python_backend_utils as pb

    errors = [str(each) if isinstance(each, GridRTError) else "" for each in outcomes]
    if all(errors):
        return pb.InferenceResponse(error=pb.TritonError(errors[0], pb.TritonError.INVALID_ARG))
    arrays = padded(outcomes, class_names) | {"errors": np.array(errors, np.object_)[:, None]}
    return pb.InferenceResponse([pb.Tensor(name, array) for name, array in arrays.items()])


def padded(outcomes: Sequence[Outcome], class_names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """The detections in the images of a request, each with as many rows as the one with the most, unused rows last."""
    found = [each if isinstance(each, Detections) else None for each in outcomes]
    rows = max(len(each) for each in found if each is not None)
    boxes = np.zeros((len(found), rows, 4), np.float32)
    scores = np.zeros((len(found), rows), np.float32)
    labels = np.full((len(found), rows), -1, np.int32)
    for index, each in enumerate(found):
        if each is not None:
            boxes[index, : len(each)], scores[index, : len(each)] = each.boxes, each.scores
            labels[index, : len(each)] = each.labels
    names = np.array([*class_names, ""], np.object_)[labels]
    return {"boxes": boxes, "scores": scores, "labels": labels, "names": names}
