from __future__ import annotations

import os
import socket
import subprocess
import sys

from gridrt import processes

PROGRAM = """
from gridrt import processes
with processes.process_group():
    found = processes.gathered([(processes.rank(), processes.count())] * (processes.rank() + 1))
print(found)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def run_together(count: int, *arguments: str) -> list[str]:
    """What each of `count` processes prints, started as torchrun starts them."""
    shared = os.environ | {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    started = [
        subprocess.Popen(
            [sys.executable, *arguments],
            env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    printed = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * count
    return printed


def test_one_process_needs_no_group() -> None:
    with processes.process_group():
        assert (processes.rank(), processes.count()) == (0, 1)
        assert processes.gathered([3, 4]) == [3, 4]


def test_every_process_gets_the_items_of_all_by_rank() -> None:
    assert run_together(2, "-c", PROGRAM) == ["[(0, 2), (1, 2), (1, 2)]\n"] * 2
