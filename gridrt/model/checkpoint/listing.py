"""Long lists of names, cut to what fits in one line."""

from __future__ import annotations

from collections.abc import Sequence

_LIMIT = 10


def listed(names: Sequence[str], limit: int = _LIMIT) -> str:
    """The first `limit` names and how many follow: `a, b and 3 more`."""
    shown = ", ".join(names[:limit])
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
