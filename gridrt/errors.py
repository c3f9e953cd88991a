"""Errors that the user can mend: one line each, with place, rule, value and remedy."""

from __future__ import annotations

from gridrt.printable import printable


class GridRTError(Exception):
    """Something from outside is wrong: a file, an option, the machine.

    The command line prints it as one line and exits with 1; any other exception keeps its traceback.

    Args:
        rule: what failed or what must be, as a short clause that cannot be read as a statement of fact. An option is
            named as the parameter of the library, `threads`; the command line writes its flag instead.
        place: where, such as a path or an option.
        value: what was found there.
        remedy: what to do about it, as a sentence.
    """

    def __init__(self, rule: str, *, place: object = None, value: object = None, remedy: str = "") -> None:
        self.rule, self.place, self.value, self.remedy = rule, place, value, remedy
        head = f"{place}: {rule}" if place is not None else rule
        found = f" (found {value})" if value is not None else ""
        tail = f". {remedy}" if remedy else ""
        super().__init__(printable(f"{head}{found}{tail}"))


class ImageError(GridRTError):
    """An image or a video cannot be read."""


class DataError(GridRTError):
    """A data set contradicts itself, its images, or the model."""


class CheckpointError(GridRTError):
    """Weights cannot be read, trusted, or fitted to a model."""


class GraphError(GridRTError):
    """An ONNX file is not a GridRT graph, or cannot run here."""


class EngineError(GridRTError):
    """A TensorRT engine cannot be built, or is not what was asked for."""


class OutputError(GridRTError):
    """A result cannot be written."""


class DependencyError(GridRTError):
    """A package or a device that the request needs is missing on this machine."""


class VerificationError(GridRTError):
    """The numbers of an artefact differ from those of its parent."""


class NonFiniteError(GridRTError):
    """The model returned a box or a score for an image that is NaN or infinite."""

    def at(self, place: object) -> NonFiniteError:
        """The same error with the place that only the caller knows, such as the path of the image."""
        return type(self)(self.rule, place=place, value=self.value, remedy=self.remedy)
