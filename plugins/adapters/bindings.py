"""Classes that TensorRT calls: written without TensorRT, and joined with its own when it is known which one runs."""

from __future__ import annotations

from types import new_class
from typing import Any, TypeVar

Logic = TypeVar("Logic")


def joined(logic: type[Logic], *interfaces: Any) -> type[Logic]:  # noqa: ANN401 - classes of a package without types
    """A class that does what `logic` does, and is what `interfaces` of TensorRT's bindings want.

    The bindings insist that the constructor of each interface runs, and before anything else.
    """

    def construct(self: Any, *arguments: object) -> None:  # noqa: ANN401 - an object of the class that is being made
        for interface in interfaces:
            interface.__init__(self)
        logic.__init__(self, *arguments)

    return new_class(logic.__name__, (logic, *interfaces), exec_body=lambda body: body.update(__init__=construct))
