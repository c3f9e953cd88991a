"""A check that threads which share a stream of a GPU exclude each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Protocol
from unittest.mock import patch


class HasStream(Protocol):
    """A GPU, or a fake one."""

    def on_stream(self) -> AbstractContextManager[object]:
        """Within it, this thread may use the stream."""


@contextmanager
def one_at_a_time(gpu: HasStream) -> Iterator[None]:
    """Within it, a thread fails that enters the stream while another one is on it."""
    inside, on_stream = Lock(), gpu.on_stream

    @contextmanager
    def alone() -> Iterator[None]:
        assert inside.acquire(blocking=False), "two threads are on the stream"
        try:
            time.sleep(0.005)  # so that others arrive meanwhile
            with on_stream():
                yield
        finally:
            inside.release()

    with patch.object(gpu, "on_stream", alone):
        yield
