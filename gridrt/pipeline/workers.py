"""Threads that read images ahead of the model and write results behind it, in order and within a bound of memory.

Threads, and not processes: Pillow and OpenCV release the interpreter while they decode, resize and encode, so that
threads keep all cores busy, and no pixels are copied between processes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from gridrt.machine.cpus import thread_count

Job = TypeVar("Job")
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")

MAX_WORKERS = 16
"""Unless asked for: more readers than this wait for the interpreter."""
MAX_BYTES = 512 << 20
"""Of pixels that are read ahead; of a larger image there is one."""


class Workers:
    """A pool of threads, and one more that iterates over jobs. Both end with the block, and drop what has not begun.

    Args:
        count: of the pool; None is one for each CPU that this process may use, at most `MAX_WORKERS`.

    Attributes:
        count: of the pool.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = min(thread_count(None), MAX_WORKERS) if count is None else count
        self._pool = ThreadPoolExecutor(self.count, "gridrt-worker")
        self._feed = ThreadPoolExecutor(1, "gridrt-feed")

    def __enter__(self) -> Workers:  # noqa: PYI034 - typing.Self is of Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._feed, self._pool):  # in this order, as the first submits to the second
            pool.shutdown(wait=True, cancel_futures=True)

    def submit(
        self, call: Callable[Parameters, Result], /, *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Future[Result]:
        """Call a function in the pool."""
        return self._pool.submit(call, *arguments, **named)

    def read_ahead(
        self, jobs: Iterable[Job], read: Callable[[Job], Result], ahead: int, size: Callable[[Result], int]
    ) -> Iterator[tuple[Job, Result]]:
        """Yield each job with what `read` returns for it, in order; the next ones are read meanwhile.

        Args:
            jobs: iterated over in a thread of its own, so that an iterator may decode a video.
            read: called in the pool.
            ahead: how many may be read before they are asked for. Fewer, if as many as that would exceed `MAX_BYTES`,
                each taken to be as large as the largest so far.
            size: bytes of a result.
        """
        iterator = iter(jobs)

        def begin_next() -> tuple[Job, Future[Result]] | None:
            for job in iterator:
                return job, self.submit(read, job)
            return None

        begun: deque[Future[tuple[Job, Future[Result]] | None]] = deque()
        allowed, largest = min(ahead, self.count), 1  # until the size of one is known
        while True:
            while len(begun) < allowed:
                begun.append(self._feed.submit(begin_next))
            following = begun.popleft().result()
            if following is None:
                return
            job, reading = following
            result = reading.result()
            largest = max(largest, size(result))
            allowed = max(1, min(ahead, MAX_BYTES // largest))
            yield job, result
            del result, reading, following  # else the pixels would live as long as those of the next


def in_order(pending: Iterable[tuple[Job, Future[Result]]], behind: int) -> Iterator[tuple[Job, Result]]:
    """Yield each job with its result, once that is there, in order; at most `behind` are waited for meanwhile."""
    waiting: deque[tuple[Job, Future[Result]]] = deque()
    for pair in pending:
        waiting.append(pair)
        while waiting and (len(waiting) > behind or waiting[0][1].done()):
            job, future = waiting.popleft()
            yield job, future.result()
    for job, future in waiting:
        yield job, future.result()
