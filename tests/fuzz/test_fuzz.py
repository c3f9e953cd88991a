"""Damaged files of every format are read or refused; `make fuzz` tries more of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.fuzz.worker import Reader

from tests.fuzz.__main__ import FAILURES, fuzz
from tests.fuzz.formats import FORMATS

FILES = {"checkpoint": 6, "graph": 30}
OTHERS = 60


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    process = Reader()
    yield process
    process.close()


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_read_or_refused(name: str, reader: Reader) -> None:
    failures = [text for kind, text in fuzz(name, FILES.get(name, OTHERS), 0, reader) if kind in FAILURES]

    assert failures == []
