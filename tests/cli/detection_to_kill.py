"""Runs of `gridrt detect` in processes of their own that kill themselves."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from tqdm import tqdm

from gridrt.cli.main import cli
from gridrt.detector import Detector
from gridrt.report.finished_files import FinishedFiles
from gridrt.report.records import Record
from gridrt.types import UInt8Array
from tests.moments import signal_at


def detect_until(call: int, folder: Path, arguments: Sequence[str]) -> None:
    """`gridrt` with these arguments, killed at a call of a function, counted from the first file that is done.

    Before each image is read, its name is added to `folder / "log"`.
    """
    add, counting, done = FinishedFiles.add, signal_at(call, signal.SIGKILL), list[None]()
    load = Detector.load_image

    def load_and_log(detector: Detector, source: Path) -> UInt8Array:
        with Path("log").open("a") as log:
            log.write(f"{source}\n")
        return load(detector, source)

    def add_and_count(files: FinishedFiles, source: Path, record: Record | None, sha256: str | None) -> None:
        done.append(None)
        if len(done) == 1:  # what is before it imports much
            stack.enter_context(counting)
        add(files, source, record, sha256)

    os.chdir(folder)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, of which a killed process leaves one behind
    with ExitStack() as stack:
        stack.enter_context(patch.object(Detector, "load_image", load_and_log))
        stack.enter_context(patch.object(FinishedFiles, "add", add_and_count))
        cli(list(arguments))
