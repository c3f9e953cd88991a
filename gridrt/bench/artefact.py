"""What a candidate of a bench is: a model file and the backend that runs it, told without running it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridrt.files import sha256_of
from gridrt.runtime.backend import AUTO, Backend, SessionOptions, choose_backend
from gridrt.runtime.info import ModelInfo


@dataclass(frozen=True)
class Artefact:
    """A model file and what it says about itself.

    Attributes:
        name: as the user gave it: a path, or the name of weights.
        backend: that runs it.
        bytes: of the file.
        sha256: of the file.
        info: what it tells.
    """

    name: str
    backend: Backend
    bytes: int
    sha256: str
    info: ModelInfo


def artefact_of(model: str | Path, backend: str = AUTO, *, trust_checkpoint: bool = False) -> Artefact:
    """Look at a model file, or at weights that have a name.

    Raises:
        GridRTError: it is none, cannot be read, or the backend does not open it.
    """
    chosen, path = choose_backend(model, backend)
    is_trusted = trust_checkpoint and "trust_checkpoint" in chosen.options
    info = chosen.info(path, SessionOptions(trust_checkpoint=is_trusted))
    return Artefact(str(model), chosen, path.stat().st_size, sha256_of(path), info)
