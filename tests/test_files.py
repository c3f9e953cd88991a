from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gridrt.errors import DataError, OutputError
from gridrt.files import (
    atomic_path,
    check_is_file,
    check_outputs,
    check_writable,
    folder_for,
    make_folder,
    remove_leftovers,
    sha256_of,
    temporary_folder,
    write_bytes,
    write_text,
)

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


def test_a_reader_of_the_old_file_reads_it_to_its_end(old_file: Path) -> None:
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
    with pytest.raises(OutputError) as caught:
        write_on_a_full_disk(old_file)
    assert (caught.value.place, caught.value.value) == (old_file, "No space left on device")

    assert old_file.read_text() == "old"
    assert files_beside(old_file) == ["result.json"]


@on_linux
def test_an_unwritable_folder_is_one_line() -> None:
    with pytest.raises(OutputError) as caught:
        write_text(UNWRITABLE / "result.json", "new")
    assert (caught.value.place, caught.value.value) == (UNWRITABLE / "result.json", "No such file or directory")


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "result.json", "new")

    assert (tmp_path / "a" / "b" / "result.json").read_text() == "new"


def test_a_failed_block_removes_the_folders_that_it_made_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()

    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "old" / "a" / "b" / "result.json") as temporary:
        temporary.write_text(str(1 / 0))

    assert files_beside(tmp_path / "old") == ["old"]
    assert list((tmp_path / "old").iterdir()) == []


def test_a_failed_block_leaves_a_folder_that_someone_else_uses_by_then(tmp_path: Path) -> None:
    def fail_beside_another() -> None:
        with atomic_path(tmp_path / "a" / "b" / "result.json"):
            (tmp_path / "a" / "other").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_beside_another()

    assert files_beside(tmp_path / "a" / "other") == ["other"]


def test_a_link_stays_one_and_the_file_behind_it_is_replaced(old_file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.json"
    link.symlink_to(old_file)

    write_text(link, "new")

    assert (link.readlink(), old_file.read_text()) == (old_file, "new")
    assert files_beside(link) == ["link.json"]


def test_a_link_to_nothing_yet_makes_the_file_behind_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("result.json")

    write_text(tmp_path / "link", "new")

    assert ((tmp_path / "link").is_symlink(), (tmp_path / "result.json").read_text()) == (True, "new")


@pytest.mark.parametrize("write", [check_writable, lambda target: write_text(target, "new")])
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "folder"])
def test_a_target_that_is_not_a_regular_file_is_refused_and_stays(
    tmp_path: Path, kind: str, write: Callable[[Path], None]
) -> None:
    target = tmp_path / "target"
    if kind == "folder":
        target.mkdir()
    elif kind == "pipe":
        os.mkfifo(target)
    else:
        os.mkfifo(tmp_path / "pipe")
        target.symlink_to("pipe")
    before = target.lstat()

    with pytest.raises(OutputError) as caught:
        write(target)
    assert (caught.value.place, caught.value.value) == (target, "a folder, device or pipe")

    assert (before.st_ino, before.st_mode) == (target.lstat().st_ino, target.lstat().st_mode)


def test_a_name_as_long_as_the_file_system_takes_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("a" * 250 + ".json")

    check_writable(target)
    write_text(target, "new")

    assert target.read_text() == "new"


def test_a_longer_name_is_one_line(tmp_path: Path) -> None:
    target = tmp_path / ("a" * 251 + ".json")
    with pytest.raises(OutputError) as caught:
        check_writable(target)
    assert (caught.value.place, caught.value.value) == (target, "File name too long")


def test_make_folder_makes_parents_and_accepts_what_is_there(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "a" / "b")

    assert made.is_dir()
    assert make_folder(made) == made


def test_make_folder_refuses_where_a_file_is_in_the_way(old_file: Path) -> None:
    with pytest.raises(OutputError) as caught:
        make_folder(old_file / "deeper")
    assert (caught.value.place, caught.value.value) == (old_file / "deeper", "Not a directory")


@pytest.mark.parametrize("name", ["result.json", "new/folder/result.json"])
def test_check_writable_leaves_nothing(tmp_path: Path, name: str) -> None:
    check_writable(tmp_path / name)

    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from gridrt.files import atomic_path, temporary_folder
with atomic_path(sys.argv[1]), temporary_folder() as folder:
    (folder / "content").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("start", [check_writable, lambda out: write_text(out, "new")], ids=["check", "write"])
def test_the_next_run_removes_what_a_killed_one_left_in_the_folder_of_its_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[Path], None]
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "graph.onnx"], check=False)
    left = [path for path in tmp_path.rglob("*") if path.name != "tmp"]
    assert sorted(path.name == "content" for path in left) == [False, False, True]

    start(tmp_path / "result.json")
    with temporary_folder() as ours:
        assert [path for path in tmp_path.rglob("*") if path in left] == []
        assert ours.is_dir()


def test_temporaries_of_running_processes_and_of_other_machines_stay(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "busy.onnx") as ours:
        other = tmp_path / re.sub(r"[0-9a-f]{8}-\d+", "00000000-999999999", ours.name)
        other.touch()

        remove_leftovers.__wrapped__(tmp_path)

        assert ours.exists()
        assert other.exists()


def test_what_a_killed_write_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from gridrt.files import atomic_path
with atomic_path(sys.argv[1]), atomic_path(sys.argv[2]):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program, tmp_path / "state.pth", tmp_path / "graph.onnx"], check=False)
    (tmp_path / "mine.pth").touch()
    assert len(list(tmp_path.iterdir())) == 3

    remove_leftovers.__wrapped__(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.pth"]


def test_check_writable_refuses_a_file_in_the_way_of_the_folder(old_file: Path) -> None:
    with pytest.raises(OutputError) as caught:
        check_writable(old_file / "new" / "result")
    assert (caught.value.place, caught.value.value) == (old_file / "new" / "result", "Not a directory")


@on_linux
@pytest.mark.parametrize("name", ["result.json", "new/result.json"])
def test_check_writable_refuses_an_unwritable_folder(name: str) -> None:
    with pytest.raises(OutputError) as caught:
        check_writable(UNWRITABLE / name)
    assert caught.value.place == UNWRITABLE / name


@pytest.mark.parametrize(
    ("outputs", "place", "hit"),
    [
        (["b", "folder/../a"], "folder/../a", "the input a"),
        (["link"], "link", "the input a"),
        (["hard"], "hard", "the input a"),  # another name of the input's content
        (["links/a"], "links/a", "the input a"),  # through a link to the folder
        (["b", "dangling"], "dangling", "the result b"),  # which is not there yet, through a link
        (["b", "c", "folder/../b"], "folder/../b", "the result b"),
    ],
)
def test_an_output_in_the_place_of_another_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: list[str], place: str, hit: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "hard").hardlink_to("a")
    (tmp_path / "links").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to("b")

    with pytest.raises(OutputError) as caught:
        check_outputs(map(Path, outputs), inputs=[Path("a")])

    assert (caught.value.place, caught.value.value) == (Path(place), hit)


def test_distinct_outputs_are_accepted_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    check_outputs([Path("b"), None, Path("c")], inputs=[Path("a"), Path("a"), None])

    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_refused_with_the_others(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        check_outputs([tmp_path / "fine", tmp_path], [])
    assert (caught.value.place, caught.value.value) == (tmp_path, "a folder, device or pipe")


def test_sha256_of_a_file_larger_than_one_block(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)

    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.json", "nowhere.json: the file is missing. Check the path."),
        ("folder", "folder: this must be a file (found a folder). Name a file in it."),
        (
            "http://a.b/c.json",
            "http://a.b/c.json: this must be a file, not a URL. Fetch it, and give the path of the file.",
        ),
    ],
)
def test_a_path_to_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()

    with pytest.raises(DataError) as error:
        check_is_file(Path(name), DataError)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pipe", "a pipe or device"),
        ("/dev/full", "a pipe or device"),
        ("a" * 300, "File name too long"),
        ("a\0", "null"),
    ],
)
def test_a_path_to_something_else_is_refused_and_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")

    with pytest.raises(DataError) as error:
        check_is_file(Path(name), DataError)
    assert value in str(error.value.value)


@pytest.mark.parametrize("name", ["a.json", "c:old.json"])
def test_a_readable_path_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.json").touch()
    Path("c:old.json").touch()

    check_is_file(Path(name), DataError)


def fail_in(folder: Path, name: str | None = None) -> None:
    """Fail with a folder at hand, after a file of that name was written there, if any."""
    with folder_for(folder):
        if name is not None:
            (folder / name).touch()
        raise KeyboardInterrupt


def test_a_folder_is_removed_with_its_new_parents_where_the_work_in_it_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fail_in(tmp_path / "new" / "out")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_stays_where_it_was_there_before_or_something_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()

    for folder, name in (("old", None), ("new", "state")):
        with pytest.raises(KeyboardInterrupt):
            fail_in(tmp_path / folder, name)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_a_folder_that_cannot_be_made_is_an_error(old_file: Path) -> None:
    with pytest.raises(OutputError) as caught, folder_for(old_file / "out"):
        pass
    assert (caught.value.place, caught.value.value) == (old_file / "out", "Not a directory")
