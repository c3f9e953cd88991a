"""Warnings that are given once in a process."""

from __future__ import annotations

import warnings
from functools import cache


@cache
def warn_once(message: str) -> None:
    """Warn, unless the same message was given before.

    `warnings` would see to that, did not each `catch_warnings`, which reading an image needs, make it forget.
    """
    warnings.warn(message, stacklevel=2)
