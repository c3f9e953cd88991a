"""A forward pass whose stages have names, and can be observed by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

from torch import nn

from gridrt.stages import Stage

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound="StagedModule")

StageHook: TypeAlias = Callable[[Stage], AbstractContextManager[object]]
"""Takes the name of a stage; what it returns is entered while the stage runs."""


class StagedModule(nn.Module):
    """A module whose stages are methods under the decorator `stage`.

    Attributes:
        stage_hook: each stage runs inside what it returns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stage_hook: StageHook = nullcontext

    @contextmanager
    def observed(self, hook: StageHook) -> Iterator[None]:
        """Have a hook for as long as this is entered."""
        self.stage_hook = hook
        try:
            yield
        finally:
            self.stage_hook = nullcontext


def stage(name: Stage) -> Callable[[Callable[Concatenate[M, P], T]], Callable[Concatenate[M, P], T]]:
    """Make a method of a `StagedModule` one of its stages."""

    def decorate(method: Callable[Concatenate[M, P], T]) -> Callable[Concatenate[M, P], T]:
        @wraps(method)
        def run(module: M, /, *args: P.args, **kwargs: P.kwargs) -> T:
            with module.stage_hook(name):
                return method(module, *args, **kwargs)

        return run

    return decorate
