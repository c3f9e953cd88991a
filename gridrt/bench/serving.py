"""The loop of a process that answers calls over a pipe."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from gridrt.errors import GridRTError


def serve(connection: Connection, make: Callable[..., object], *arguments: object) -> None:
    """Answer calls until the other end closes.

    A call is (number, method, arguments), an answer (number, failure, value): `failure` is empty, or tells what was
    raised.

    Args:
        connection: to the process that asks.
        make: makes the object whose methods are called. Where it fails, every call gets that failure.
        arguments: of `make`.
    """
    served, failure = None, ""
    try:
        served = make(*arguments)
    except Exception as error:  # noqa: BLE001 - the other process tells it to the user
        failure = _told(error)
    with suppress(EOFError, OSError):  # the other end has closed, perhaps while this one worked
        while True:
            number, method, values = connection.recv()
            connection.send((number, *((failure, None) if failure else _answer(served, method, values))))


def _answer(served: object, method: str, values: tuple[object, ...]) -> tuple[str, object]:
    try:
        return "", getattr(served, method)(*values)
    except Exception as error:  # noqa: BLE001 - the same
        return _told(error), None


def _told(error: Exception) -> str:
    """In one line; a mistake that is not the user's with its kind."""
    text = " ".join(str(error).split())
    return text if isinstance(error, GridRTError) else f"{type(error).__name__}: {text}"
