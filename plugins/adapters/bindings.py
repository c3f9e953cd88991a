"""Classes that TensorRT calls: written without TensorRT, and joined with its interfaces once it is loaded."""

from __future__ import annotations

from types import new_class
from typing import Any, TypeVar

Logic = TypeVar("Logic")


def joined(logic: type[Logic], *interfaces: Any) -> type[Logic]:  # noqa: ANN401 - classes of a package without types
    """A class that derives from `logic` and from `interfaces` of TensorRT's bindings.

    The bindings require that the constructors of all interfaces run first.
    """

    def construct(self: Any, *arguments: object) -> None:  # noqa: ANN401 - an object of the class that is being made
        for interface in interfaces:
            interface.__init__(self)
        logic.__init__(self, *arguments)

    return new_class(logic.__name__, (logic, *interfaces), exec_body=lambda body: body.update(__init__=construct))
