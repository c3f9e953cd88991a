"""One line on stderr where a verb dies in native code: the image and the model that it worked on.

Code in the dying process can do little: after a segmentation fault hardly more than write a fixed text, after SIGKILL,
which the system sends where memory is short, nothing. So a watcher, `gridrt/cli/watcher.py`, a process of a few
milliseconds, holds the other end of a pipe. The verb writes to it what it works on, Python's faulthandler writes the
cause of a crash, and at the end the verb says that it is done. Where the pipe ends without that, the watcher prints the
line. The verb stays the process that a shell or a service manager has started, with its signals and its exit status.
"""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gridrt.printable import printable, shortened
from gridrt.work import listening

MOST_BYTES = 1000
"""Of a message: the system writes up to 4096 to a pipe at once, or none."""


@contextmanager
def last_words(model: str) -> Iterator[None]:
    """Name the work and the model on stderr if the process dies in the block."""
    watcher = _started()
    if watcher is None:
        yield
        return
    assert watcher.stdin is not None  # noqa: S101 - it is a pipe
    pipe, catches = watcher.stdin.fileno(), not faulthandler.is_enabled()

    def tell(what: str) -> None:
        text = shortened(printable(f"{what}, model {model}"), MOST_BYTES // 4)  # UTF-8 has 4 bytes at most
        with suppress(OSError):  # it was killed
            os.write(pipe, b"work " + text.encode(errors="backslashreplace") + b"\n")

    if catches:
        faulthandler.enable(pipe, all_threads=False)
    try:
        with listening(tell):
            tell("before the first image")
            yield
    finally:
        if catches:
            faulthandler.disable()
        with suppress(OSError):
            os.write(pipe, b"done\n")
        watcher.stdin.close()
        watcher.wait()


def _started() -> subprocess.Popen[bytes] | None:
    """The watcher; None where the system has no room for it."""
    program = [sys.executable, "-I", "-S", str(Path(__file__).with_name("watcher.py"))]
    try:
        # In a session of its own, a terminal's signals do not reach it.
        return subprocess.Popen(  # noqa: S603 - a file of this package
            program, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        warnings.warn(f"a crash would not name its image: cannot start {program[-1]}: {error.strerror}", stacklevel=2)
        return None
