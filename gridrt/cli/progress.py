"""A running clock for a step that reports no progress."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

TICK_SECONDS = 1.0


@contextmanager
def ticking(doing: str) -> Iterator[None]:
    """Show on stderr what runs and for how long, while the block runs; nothing where stderr is not a terminal."""
    from tqdm import tqdm

    ended = threading.Event()
    with tqdm(bar_format="{desc} {elapsed}", desc=doing, leave=False, disable=None) as line:

        def tick() -> None:
            while not ended.wait(TICK_SECONDS):
                line.refresh()

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
