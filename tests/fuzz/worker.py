"""A guarded process that reads damaged files: one that hangs is ended, one that dies is replaced."""

from __future__ import annotations

import multiprocessing
import resource
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

PATIENCE = 20  # seconds
MOST_MEMORY = 6 << 30  # of addresses: PyTorch and ONNX Runtime reserve more than they use


class Reader:
    """Reads files of all formats in a process of its own."""

    def __init__(self) -> None:
        self._start()

    def outcome(self, name: str, path: Path) -> tuple[str, str]:
        """What a file of a format leads to: "same", "warned", "changed", "refused", "traceback", "hang" or "died".

        The second text is the error, the traceback or the result.
        """
        self._connection.send((name, path))
        if not self._connection.poll(PATIENCE):
            self.close()
            self._start()
            return "hang", f"longer than {PATIENCE} s"
        try:
            kind, text = self._connection.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._start()
            return "died", f"exit code {code}"
        return str(kind), str(text)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_read_all, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self._connection.recv()  # its imports take long


def _read_all(connection: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from gridrt.errors import GridRTError
    from tests.fuzz.formats import FORMATS

    connection.send("ready")
    while True:
        name, path = connection.recv()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                connection.send(("warned" if warned else "read", repr(FORMATS[name].read(path))))
            except GridRTError as error:
                connection.send(("refused", str(error)))
            except BaseException:  # noqa: BLE001 - any other is what is looked for
                connection.send(("traceback", traceback.format_exc()))
