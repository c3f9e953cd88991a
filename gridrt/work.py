"""What this process works on, for whoever has to name it should the process die in native code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str], None]

_listeners: list[Listener] = []


def working_on(what: object) -> None:
    """Tell what comes next, such as the path of an image; nothing happens where nobody listens."""
    for listener in _listeners:
        listener(str(what))


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` know of all work in the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
