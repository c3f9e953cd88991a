"""What an error names, by its parts: sentences may change, a place and a value may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gridrt.errors import GridRTError


@contextmanager
def refused(
    kind: type[GridRTError], *, place: object = None, value: object = None, match: str | None = None
) -> Iterator[pytest.ExceptionInfo[GridRTError]]:
    """Expect an error of this kind, at `place`, which found `value`; both compared as they are printed.

    `match` is a word that tells it from other errors of the same kind, place and value.
    """
    with pytest.raises(kind, match=match) as caught:
        yield caught
    error = caught.value
    assert (type(error), str(error.place), str(error.value)) == (kind, str(place), str(value)), error
