"""Show that a long step goes on, where it does not tell how far it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

TICK_SECONDS = 1.0


@contextmanager
def ticking(doing: str) -> Iterator[None]:
    """Say on stderr what goes on and for how long, as long as the block runs; nothing where that is no terminal."""
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
