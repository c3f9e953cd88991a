from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gridrt.errors import OutputError
from gridrt.files import atomic_path, check_writable, make_folder, sha256_of, write_bytes, write_text

# Not even root may create a file here.
UNWRITABLE = Path("/proc/self")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="uses /proc and /dev/full")


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    target = tmp_path / "result.json"
    target.write_text("old")
    return target


def files_beside(target: Path) -> list[str]:
    return [path.name for path in target.parent.iterdir()]


def test_a_write_replaces_the_old_file(old_file: Path) -> None:
    write_text(old_file, "neu: ä")

    assert old_file.read_bytes() == "neu: ä".encode()
    assert files_beside(old_file) == ["result.json"]


def test_the_target_is_the_old_file_until_the_block_ends(old_file: Path) -> None:
    with atomic_path(old_file) as temporary:
        temporary.write_text("new")
        during = old_file.read_text()

    assert (during, old_file.read_text()) == ("old", "new")


def test_who_reads_the_old_file_reads_it_to_its_end(old_file: Path) -> None:
    with old_file.open() as reader:
        write_text(old_file, "new")

        assert reader.read() == "old"


def test_the_temporary_path_has_the_suffix_of_the_target(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").touch()

    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_failed_block_leaves_the_old_file_alone(old_file: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_path(old_file) as temporary:
        temporary.write_text(str(1 / 0))

    assert old_file.read_text() == "old"
    assert files_beside(old_file) == ["result.json"]


def test_a_killed_process_leaves_the_old_file_alone(old_file: Path) -> None:
    program = """
import os, signal, sys
from gridrt.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(old_file)], check=False)

    assert ended.returncode == -signal.SIGKILL
    assert old_file.read_text() == "old"


def write_on_a_full_disk(target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.unlink()
        temporary.symlink_to("/dev/full")
        temporary.write_text("new")


@on_linux
def test_a_full_disk_is_one_line_and_leaves_the_old_file_alone(old_file: Path) -> None:
    with pytest.raises(OutputError, match=r"result\.json: .*No space left on device"):
        write_on_a_full_disk(old_file)

    assert old_file.read_text() == "old"
    assert files_beside(old_file) == ["result.json"]


@on_linux
def test_an_unwritable_folder_is_one_line() -> None:
    with pytest.raises(OutputError, match=r"/proc/self/result\.json: the result cannot be written here"):
        write_text(UNWRITABLE / "result.json", "new")


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        write_text(tmp_path / "missing" / "result.json", "new")


def test_make_folder_makes_parents_and_accepts_what_is_there(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "a" / "b")

    assert made.is_dir()
    assert make_folder(made) == made


def test_make_folder_refuses_where_a_file_is_in_the_way(old_file: Path) -> None:
    with pytest.raises(OutputError, match=r"result\.json/deeper: .*Not a directory"):
        make_folder(old_file / "deeper")


def test_check_writable_makes_the_folder_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    check_writable(tmp_path / "out" / "result.json")

    assert list((tmp_path / "out").iterdir()) == []


def test_check_writable_refuses_a_folder_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Is a directory"):
        check_writable(tmp_path)


@on_linux
def test_check_writable_refuses_an_unwritable_folder() -> None:
    with pytest.raises(OutputError, match=r"/proc/self/result\.json"):
        check_writable(UNWRITABLE / "result.json")


def test_sha256_of_a_file_larger_than_one_block(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)

    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()
