"""Evaluations in processes of their own: one that kills itself, and several that share the images."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tqdm import tqdm

from gridrt.cli.main import cli
from gridrt.data.coco import CocoDataset
from gridrt.eval.outcomes import record_of
from gridrt.partial_file import Record
from gridrt.types import UInt8Array
from tests.moments import signal_at


def evaluate_until(call: int, folder: Path, arguments: Sequence[str]) -> None:
    """`gridrt` with these arguments, killed at a call of a function, counted from the first image that is done.

    Before each image is read, its index is added to `folder / "log"`.
    """
    load, counting = CocoDataset.load_image, signal_at(call, signal.SIGKILL)

    def load_and_log(dataset: CocoDataset, index: int, read: Callable[[Path], UInt8Array]) -> UInt8Array:
        with Path("log").open("a") as log:
            log.write(f"{index}\n")
        return load(dataset, index, read)

    def record_and_count(*arguments: Any) -> Record:  # noqa: ANN401 - those of record_of
        done.append(None)
        if len(done) == 1:  # what is before it imports much
            stack.enter_context(counting)
        return record_of(*arguments)

    done = list[None]()
    with ExitStack() as stack:
        stack.enter_context(patch.object(CocoDataset, "load_image", load_and_log))
        stack.enter_context(patch("gridrt.eval.results.record_of", record_and_count))
        _run(folder, arguments)


def evaluate_together(rank: int, count: int, port: int, folder: Path, arguments: Sequence[str]) -> None:
    """One of `count` processes that torchrun starts."""
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ.update(shared, RANK=str(rank), LOCAL_RANK=str(rank))
    _run(folder, arguments)


def _run(folder: Path, arguments: Sequence[str]) -> None:
    os.chdir(folder)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, of which a killed process leaves one behind
    cli(list(arguments))
