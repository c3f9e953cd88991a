import json
from pathlib import Path

import numpy as np

from gridrt.runtime.backend import Availability, Backend, SessionOptions
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, RawDetections, UInt8Array


class ToySession:
    def __init__(self, info: ModelInfo, box: list[float]) -> None:
        self.info, self.box = info, np.array(box, np.float32)

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        rows = (len(images), 1)
        return RawDetections(np.tile(self.box, (*rows, 1)), np.full(rows, 0.9, np.float32), image_sizes[:, :1] * 0)


class ToyBackend(Backend):
    name, title, suffixes = "toy", "Toy", (".toy",)

    def opens(self, path: Path) -> bool:
        return path.read_bytes().startswith(b"TOY")

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:  # noqa: ARG002 - the protocol's
        return ModelInfo(("scene", "dog"), (64, 48), "Toy", "fp32", "toy 1.0", "cpu")

    def open(self, path: Path, options: SessionOptions) -> ToySession:
        return ToySession(self.info(path, options), json.loads(path.read_bytes()[3:]))

    def probe(self) -> list[Availability]:
        return [Availability("Toy")]


BACKEND = ToyBackend()
