from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from gridrt.errors import GridRTError, OutputError
from gridrt.files import process_ids
from gridrt.locks import lock

HOLD = """
import os, sys, time
from pathlib import Path
from gridrt.locks import lock
with lock(Path(sys.argv[1]), "training"):
    if os.fork() == 0:
        print("forked", flush=True)
        time.sleep(60)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.lock"


def owner(process: int = 4_000_000, ids: str | None = None) -> str:
    """The content of a lock file; there is no process of such a number."""
    return json.dumps({"process": process, "host": "somewhere", "ids": process_ids() if ids is None else ids})


def without_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def test_it_says_whose_it_is_and_is_gone_after_the_block(path: Path) -> None:
    with lock(path, "training"):
        assert json.loads(path.read_text())["process"] == os.getpid()

    assert not path.exists()


def test_a_second_holder_is_refused_and_told_of_the_first(path: Path) -> None:
    with lock(path, "training"):
        with pytest.raises(GridRTError) as refused, lock(path, "training"):
            pass
        assert refused.value.place == path.parent
        assert str(refused.value.value).startswith(f"process {os.getpid()} ")
        assert path.exists()


def test_the_lock_of_a_killed_process_is_stale_though_its_child_lives(path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"forked\n"
        with pytest.raises(GridRTError) as caught, lock(path, "training"):
            pass
        assert str(caught.value.value).startswith(f"process {holder.pid} ")
        holder.kill()
        holder.wait()
        with pytest.warns(UserWarning, match=rf"\b{holder.pid}\b"), lock(path, "training"):
            assert json.loads(path.read_text())["process"] == os.getpid()
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()


def test_a_lock_of_another_boot_or_container_is_stale_where_the_kernel_knows(path: Path) -> None:
    path.write_text(owner(os.getpid(), ids="elsewhere"))

    with pytest.warns(UserWarning, match="another machine"), lock(path, "training"):
        pass


@pytest.mark.parametrize(("content", "warned"), [("", 0), (owner(), 1)], ids=["empty", "owned"])
def test_where_the_file_system_has_no_locks_that_of_a_process_that_is_gone_is_stale(
    path: Path, monkeypatch: pytest.MonkeyPatch, content: str, warned: int
) -> None:
    monkeypatch.setattr(fcntl, "flock", without_locks)
    path.write_text(content)

    with warnings.catch_warnings(record=True) as told, lock(path, "training"):
        assert json.loads(path.read_text())["process"] == os.getpid()
    assert len(told) == warned


@pytest.mark.parametrize("content", [owner(os.getpid()), owner(ids="elsewhere")], ids=["here", "elsewhere"])
def test_where_the_file_system_has_no_locks_that_of_a_process_that_may_run_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(fcntl, "flock", without_locks)
    path.write_text(content)

    with pytest.raises(GridRTError) as caught, lock(path, "training"):
        pass
    assert str(path) in caught.value.remedy
    assert path.read_text() == content


@pytest.mark.parametrize("content", ["no lock\n", "[]", '{"process": null}'])
def test_another_file_of_that_name_stays(path: Path, content: str) -> None:
    path.write_text(content)

    with pytest.raises(GridRTError) as refused, lock(path, "training"):
        pass
    assert (refused.value.place, path.read_text()) == (path, content)


def test_a_folder_that_cannot_be_written_to_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as refused, lock(tmp_path / "missing" / "train.lock", "training"):
        pass
    assert refused.value.place == tmp_path / "missing" / "train.lock"
