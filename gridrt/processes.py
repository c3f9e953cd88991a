"""Processes that `torchrun` started for one task. In a single process all functions work without a process group."""

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

# The messages of Gloo and NCCL when another process of a collective is gone.
_LOST = re.compile(
    r"connection (closed|reset)|broken pipe|timed out|timeout|remote process exited|communicator was aborted",
    re.IGNORECASE,
)


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that `torchrun` started, each on its own GPU if there are GPUs.

    Collectives on GPU tensors use NCCL, all others Gloo. Without `torchrun` this does nothing.

    Raises:
        GridRTError: a process that this one waited for is gone; the error of that process has the reason.
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
        is_of_a_collective = isinstance(error, distributed.DistError) or "gloo" in str(error)
        lost = _LOST.search(str(error)) if is_of_a_collective else None
        if lost is None:
            raise
        raise GridRTError(
            "another process failed",
            place=f"process {rank()}",
            value=lost[0],
            remedy="See the error of that process.",
        ) from error
    finally:
        distributed.destroy_process_group()


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """The number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def mean(number: float) -> float:
    """The mean over all processes; every process must call this.

    DistributedDataParallel averages gradients over the processes. So a loss that each process sums and divides by the
    mean of the counts has the gradient of a single process that sums over all and divides by the total count.
    """
    if count() == 1:
        return number
    total = torch.tensor(number, dtype=torch.float64)
    distributed.all_reduce(total)
    return float(total) / count()


def anywhere(flag: bool) -> bool:  # noqa: FBT001 - the only argument
    """Whether the flag is true in any process; every process must call this."""
    return mean(float(flag)) > 0


def wait_for_all() -> None:
    """Return once every process has called this."""
    if count() > 1:
        distributed.barrier()


def gathered(items: list[T]) -> list[T]:
    """The items of all processes, by rank; every process must call this."""
    if count() == 1:
        return items
    of_each: list[list[T]] = [[] for _ in range(count())]
    distributed.all_gather_object(of_each, items)
    return [item for of_one in of_each for item in of_one]
