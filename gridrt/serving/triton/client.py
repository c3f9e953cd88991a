"""Ask a served detector, over HTTP or gRPC."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from gridrt.errors import DependencyError, GridRTError
from gridrt.serving.detect_each import Outcome
from gridrt.types import Detections, UInt8Array

PROTOCOLS = ("http", "grpc")
OUTPUTS = ("boxes", "scores", "labels", "errors")


class TritonClient:
    """A connection to one served detector, for one thread.

    Args:
        url: of the server, such as "http://localhost:8000" or "grpc://localhost:8001".
        name: of the model.
        timeout: seconds that an answer may take.

    Raises:
        GridRTError: the URL is not of this form.
        DependencyError: tritonclient is not installed.
    """

    def __init__(self, url: str, name: str, timeout: float = 300) -> None:
        parts = urlsplit(url)
        if parts.scheme not in PROTOCOLS or not parts.hostname or parts.port is None:
            remedy = "Such as http://localhost:8000 or grpc://localhost:8001."
            raise GridRTError("is not the URL of a Triton server", place="`urls`", value=url, remedy=remedy)
        try:
            self._protocol: Any = importlib.import_module(f"tritonclient.{parts.scheme}")
        except ImportError as error:
            remedy = 'Run: pip install "gridrt[triton]"'
            raise DependencyError("cannot import tritonclient", value=error, remedy=remedy) from error
        self._url, self._name = url, name
        limits = {"connection_timeout": timeout, "network_timeout": timeout} if parts.scheme == "http" else {}
        self._asking = {"client_timeout": timeout} if parts.scheme == "grpc" else {}
        self._client = self._protocol.InferenceServerClient(f"{parts.hostname}:{parts.port}", **limits)

    def detect_encoded(self, files: Sequence[bytes]) -> list[Outcome]:
        """Detect in image files of any sizes, as one request.

        Args:
            files: the content of each.

        Returns:
            The detections in each image, or its error.

        Raises:
            GridRTError: the server gives no answer, or an error for all of them.
        """
        return self._ask("encoded", "BYTES", np.array(files, np.object_)[:, None])

    def detect_pixels(self, images: UInt8Array) -> list[Outcome]:
        """Detect in images of one size, uint8 [b, H, W, 3], RGB; else as `detect_encoded`."""
        return self._ask("image", "UINT8", images)

    def _ask(self, name: str, kind: str, values: Any) -> list[Outcome]:  # noqa: ANN401 - an array of any type
        item = self._protocol.InferInput(name, list(values.shape), kind)
        item.set_data_from_numpy(values)
        wanted = [self._protocol.InferRequestedOutput(output) for output in OUTPUTS]
        try:
            answer = self._client.infer(self._name, [item], outputs=wanted, **self._asking)
        except Exception as error:  # of tritonclient, gevent or the socket
            raise GridRTError("the server has no answer", place=self._url, value=error) from error
        boxes, scores, labels, errors = (answer.as_numpy(output) for output in OUTPUTS)
        outcomes: list[Outcome] = []
        for row, [text] in enumerate(errors):
            used = labels[row] >= 0
            found = Detections(boxes[row][used], scores[row][used], labels[row][used])
            failed = GridRTError("cannot detect in the image", place=self._url, value=text.decode()) if text else None
            outcomes.append(failed or found)
        return outcomes

    def close(self) -> None:
        """End the connection."""
        self._client.close()
