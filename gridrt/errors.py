"""Errors that are the user's to mend: one line each, telling place, rule, value and remedy."""

from __future__ import annotations


class GridRTError(Exception):
    """A mistake in what came from outside: a file, a flag, a machine.

    The command line prints it as one line and exits with 1; anything else keeps its traceback.

    Args:
        rule: what must hold, or what went wrong, as a short clause that cannot be taken for the other.
        place: where it was broken, such as a path or a flag.
        value: what was found instead.
        remedy: what to do about it, as a sentence.
    """

    def __init__(self, rule: str, *, place: object = None, value: object = None, remedy: str = "") -> None:
        self.rule, self.place, self.value, self.remedy = rule, place, value, remedy
        super().__init__(self._one_line())

    def _one_line(self) -> str:
        head = f"{self.place}: {self.rule}" if self.place is not None else self.rule
        found = f" (found {self.value})" if self.value is not None else ""
        tail = f". {self.remedy}" if self.remedy else ""
        return " ".join(f"{head}{found}{tail}".split())


class ImageError(GridRTError):
    """A picture that cannot be read, or not as a picture."""


class DataError(GridRTError):
    """A data set that contradicts itself, its pictures, or the model."""


class CheckpointError(GridRTError):
    """Weights that cannot be read, trusted, or fitted to a model."""


class GraphError(GridRTError):
    """An ONNX file that is not a GridRT graph, or one that cannot run here."""


class EngineError(GridRTError):
    """A TensorRT engine that cannot be built, or is not what was asked for."""


class OutputError(GridRTError):
    """A result that cannot be written."""


class DependencyError(GridRTError):
    """A package or a device that the request needs and this machine lacks."""


class VerificationError(GridRTError):
    """An artefact whose numbers differ from those of its parent."""
