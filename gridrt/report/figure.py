"""Figures of matplotlib, which is an optional dependency."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.errors import DependencyError
from gridrt.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=120)


def require_matplotlib() -> None:
    """Require matplotlib; to be called before the work whose curves are to be drawn.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise DependencyError(
            "cannot draw curves: matplotlib is not installed",
            remedy="Run: pip install matplotlib",
        )


def save_figure(target: str | Path, figure: Figure) -> None:
    """Write a figure atomically, in the format that the suffix names.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_path(target) as temporary:
        figure.savefig(temporary)
