from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from torch.distributed import DistBackendError

from gridrt import processes
from gridrt.errors import GridRTError
from tests.moments import exit_codes_of, run_as_torchrun

PROGRAM = """
from gridrt import processes
with processes.process_group():
    found = processes.gathered([(processes.rank(), processes.count())] * (processes.rank() + 1))
print(found)
"""

FAILING_PROGRAM = """
import sys
from gridrt import processes
from gridrt.errors import GridRTError
try:
    with processes.process_group():
        processes.gathered([0])
        if processes.rank() == 1:
            raise GridRTError("mine")
        %s
except GridRTError as error:
    print(error)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def outcomes_together(count: int, *arguments: str) -> list[subprocess.CompletedProcess[str]]:
    """How each of `count` processes ends that run Python with these arguments, as torchrun starts them."""
    shared = {"PWD": str(Path.cwd()), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1"}
    shared["MASTER_PORT"] = str(free_port())
    with TemporaryDirectory() as folder:
        outputs = [Path(folder, str(rank)) for rank in range(count)]
        for output in outputs:
            output.mkdir()
        codes = exit_codes_of(
            run_as_torchrun,
            *(
                (shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, output, arguments)
                for rank, output in enumerate(outputs)
            ),
        )
        printed = [((output / "stdout").read_text(), (output / "stderr").read_text()) for output in outputs]
    return [
        subprocess.CompletedProcess(arguments, code or 0, *texts) for code, texts in zip(codes, printed, strict=True)
    ]


def run_together(count: int, *arguments: str) -> list[str]:
    """What each of `count` processes prints, all of which end well."""
    ended = outcomes_together(count, *arguments)
    assert [one.returncode for one in ended] == [0] * count, [one.stderr for one in ended]
    return [one.stdout for one in ended]


def test_one_process_needs_no_group() -> None:
    with processes.process_group():
        assert (processes.rank(), processes.count()) == (0, 1)
        assert processes.gathered([3, 4]) == [3, 4]


def test_every_process_gets_the_items_of_all_by_rank() -> None:
    assert run_together(2, "-c", PROGRAM) == ["[(0, 2), (1, 2), (1, 2)]\n"] * 2


ANYWHERE_PROGRAM = """
from gridrt import processes
with processes.process_group():
    print(processes.anywhere(processes.rank() == 1), processes.anywhere(False))
"""


def test_a_flag_of_one_process_is_seen_by_all() -> None:
    assert run_together(2, "-c", ANYWHERE_PROGRAM) == ["True False\n"] * 2


def test_one_process_has_its_own_flag() -> None:
    assert (processes.anywhere(True), processes.anywhere(False)) == (True, False)


@pytest.mark.parametrize("collective", ["processes.gathered([1])", "processes.mean(1.0)"])
def test_when_one_process_fails_the_others_say_so_in_one_line(collective: str) -> None:
    waiting, failing = run_together(2, "-c", FAILING_PROGRAM % collective)

    assert failing == "mine\n"
    assert waiting.startswith("process 0: another process failed")
    assert waiting.count("\n") == 1


LOST = [
    RuntimeError("[/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:35487. GLHF!"),
    RuntimeError("[/gloo/gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:34200: Connection reset by peer."),
    RuntimeError("[/gloo/gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 1800000ms for recv operation"),
    RuntimeError("[/gloo/gloo/transport/tcp/unbound_buffer.cc:84] Application timeout caused pair closure"),
    RuntimeError("[/gloo/gloo/transport/tcp/pair.cc:481] writev [127.0.0.1]:1: Broken pipe"),
    DistBackendError("NCCL error: remote process exited or there was a network error\nncclRemoteError: A call failed"),
    DistBackendError("[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=3, OpType=ALLREDUCE)"),
    DistBackendError("socketProgress: Connection closed by remote peer node1<40000>"),
]


@pytest.mark.parametrize("error", LOST, ids=str)
def test_a_lost_connection_is_another_process_that_failed(monkeypatch: pytest.MonkeyPatch, error: RuntimeError) -> None:
    pretend_two_processes(monkeypatch)

    with pytest.raises(GridRTError) as caught:
        fail_together(error)
    assert caught.value.place == "process 0"

    assert caught.value.__cause__ is error


OWN = [
    RuntimeError("shape mismatch"),
    RuntimeError("DataLoader timed out after 5 seconds"),
    RuntimeError("[enforce fail at /gloo/gloo/types.h:3] unsupported data type"),
    DistBackendError("NCCL error: ncclInvalidUsage: Duplicate GPU detected"),
    ConnectionResetError("Connection reset by peer"),
]


@pytest.mark.parametrize("error", OWN, ids=str)
def test_an_error_of_its_own_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    pretend_two_processes(monkeypatch)

    with pytest.raises(type(error)) as caught:
        fail_together(error)

    assert caught.value is error


def fail_together(error: Exception) -> None:
    with processes.process_group():
        raise error


def pretend_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as `process_group` can see."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.distributed.init_process_group", lambda _: None)
    monkeypatch.setattr("torch.distributed.destroy_process_group", lambda: None)
