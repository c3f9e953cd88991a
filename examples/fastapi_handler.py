"""Serve a detector by HTTP: GRIDRT_MODEL=r50.onnx uvicorn --factory examples.fastapi_handler:create_app.

Send the bytes of an image: curl --data-binary @street.jpg http://127.0.0.1:8000/detect. GRIDRT_MAX_PIXELS=20000000 has
larger images refused before they are decoded.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException

import gridrt


def create_app(model: str | None = None) -> FastAPI:
    """The application; the detector is opened once, when the server starts."""
    detector = gridrt.open_detector(model or os.environ["GRIDRT_MODEL"])
    turn = Lock()  # one image at a time: a session already uses all cores
    app = FastAPI()

    @app.post("/detect")
    def detect(
        image: Annotated[bytes, Body(media_type="application/octet-stream")], threshold: float = 0.3
    ) -> list[dict[str, object]]:
        try:
            pixels = gridrt.load_image(image)
        except gridrt.GridRTError as error:
            raise HTTPException(422, str(error)) from error
        with turn:
            found = detector([pixels])[0].above(threshold)
        return [dict(one) for one in found.to_dicts(detector.class_names)]

    return app
