"""What the front of a served detector needs to know, in a file beside its `model.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gridrt.runtime.info import ModelInfo

FILE = "detector.json"


@dataclass(frozen=True)
class ServedModel:
    """A detector behind a front.

    Attributes:
        info: facts of the model file.
        scale: most pixels on the long and on the short side of a resized image.
        max_batch: images in a batch, at most.
        behind: name of the model in the repository that Triton's own back end runs; None where the front runs it.
        version: of that model.
        bounds: smallest, tuned and largest shape of its `images`; None where all shapes run.
        file: name of the model file beside this one; None where the front does not run it.
        backend: name of the backend that runs that file.
        threads: CPU threads of that backend; None leaves the choice to it.
    """

    info: ModelInfo
    scale: tuple[int, int]
    max_batch: int
    behind: str | None = None
    version: int = 1
    bounds: Sequence[Sequence[int]] | None = None
    file: str | None = None
    backend: str = "auto"
    threads: int | None = None


def served_text(served: ServedModel) -> str:
    """The content of the file."""
    return json.dumps(asdict(served), indent=2) + "\n"


def read_served_model(folder: Path) -> ServedModel:
    """Read the file in the folder of a version."""
    values: dict[str, Any] = json.loads((folder / FILE).read_text())
    info, scale = values.pop("info"), values.pop("scale")
    noted = info["noted_scale"]
    names = {"class_names": tuple(info["class_names"]), "noted_scale": None if noted is None else tuple(noted)}
    return ServedModel(info=ModelInfo(**{**info, **names}), scale=tuple(scale), **values)
