"""Several processes at one task, as `torchrun` starts them; one process alone needs nothing of this."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import distributed

from gridrt.errors import GridRTError

T = TypeVar("T")

# How Gloo and NCCL put it when a process at the other end of a collective is gone.
_LOST = re.compile(
    r"connection (closed|reset)|broken pipe|timed out|timeout|remote process exited|communicator was aborted",
    re.IGNORECASE,
)


@contextmanager
def process_group() -> Iterator[None]:
    """Meet the other processes that `torchrun` started, each at its own GPU where there is one.

    Sums of tensors on GPUs go through NCCL, all else through Gloo. Nothing happens where `torchrun` did not start this.

    Raises:
        GridRTError: a process that this one waited for is gone; that one tells why.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    except RuntimeError as error:
        failure = _failure_elsewhere(error)
        if failure is None:
            raise
        raise failure from error
    finally:
        distributed.destroy_process_group()


def _failure_elsewhere(error: RuntimeError) -> GridRTError | None:
    """What to raise instead of a collective's error that means that another process is gone; None for any other."""
    is_of_a_collective = isinstance(error, distributed.DistError) or "gloo" in str(error)
    sign = _LOST.search(str(error)) if is_of_a_collective else None
    if sign is None:
        return None
    return GridRTError(
        "another process failed",
        place=f"process {rank()}",
        value=sign[0],
        remedy="Its own line tells why.",
    )


def rank() -> int:
    """Number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def mean(number: float) -> float:
    """The mean over all processes; every process must call this.

    A loss that is summed in each process and divided by the mean count has, once gradients are averaged over the
    processes, the gradient of one process that sums over all and divides by the total count.
    """
    if count() == 1:
        return number
    total = torch.tensor(number, dtype=torch.float64)
    distributed.all_reduce(total)
    return float(total) / count()


def gathered(items: list[T]) -> list[T]:
    """The items of all processes, by rank; every process must call this."""
    if count() == 1:
        return items
    of_each: list[list[T]] = [[] for _ in range(count())]
    distributed.all_gather_object(of_each, items)
    return [item for of_one in of_each for item in of_one]
