"""How far a loop has come, also in a log that nobody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

LOG_SECONDS = 30.0
"""Between two lines of a log."""


def with_progress(items: Sequence[T], doing: str) -> Iterator[T]:
    """Iterate over images: with a bar on a terminal, elsewhere with a line on stderr every `LOG_SECONDS`.

    Args:
        items: one for each image.
        doing: what is done to them, in one word.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, doing, unit="image", leave=False)
        return
    started = logged = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - logged >= LOG_SECONDS:
            left = (now - started) / done * (len(items) - done)
            sys.stderr.write(f"{doing}: {done} of {len(items)} images, {left:.0f} s left\n")
            sys.stderr.flush()
            logged = now
        yield item
