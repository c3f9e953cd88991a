"""A candidate of a bench without a process of its own, for the tests that do not depend on one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gridrt.bench.process import CandidateError
from gridrt.errors import GridRTError


class InProcess:
    """In place of a `gridrt.bench.process.CandidateProcess`."""

    def __init__(self, make: Callable[..., object], *arguments: object) -> None:
        self._make: Callable[[], object] = partial(make, *arguments)
        self._instance: object = None

    def call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the method returns
        try:
            self._instance = self._instance or self._make()
            return getattr(self._instance, method)(*arguments)
        except GridRTError as error:
            raise CandidateError(str(error)) from error

    def close(self) -> None:
        """Nothing to end."""
