"""Commands where the machine lacks something: each works, or ends with one line and leaves nothing half-written."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.datasets import write_image
from tests.fakes import whole_image_graph

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sets limits as Linux has them")
DETECT = ("detect", "images", "--model", "a.onnx", "--threads", "1", "--json", "found.json")
MANY = 5_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")
    (tmp_path / "images").mkdir()
    write_image(tmp_path / "images/1.png")
    return tmp_path


def gridrt(
    folder: Path,
    *words: str,
    environment: Mapping[str, str] | None = None,
    limit: Callable[[], object] | None = None,
    **options: Any,  # noqa: ANN401 - of subprocess.run
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, which calls `limit` first."""
    command = [sys.executable, "-m", "gridrt", *words]
    options = {"stdout": subprocess.PIPE, **options}
    environment = {**os.environ, **(environment or {})}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=limit,
        **options,
    )


def files_in(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


def is_one_error(ran: subprocess.CompletedProcess[str]) -> bool:
    return ran.returncode == 1 and ran.stderr.startswith("error: ") and ran.stderr.count("\n") == 1


def test_a_full_disk_is_one_line_and_leaves_nothing(folder: Path) -> None:
    before = files_in(folder)

    ran = gridrt(folder, *DETECT, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)))

    assert is_one_error(ran), ran.stderr
    assert files_in(folder) == before


def test_stdout_on_a_full_disk_is_one_line(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ran = gridrt(folder, *DETECT[:-1], "-", stdout=full)

    assert is_one_error(ran), ran.stderr


def test_a_folder_that_cannot_be_written_to_is_one_line(folder: Path) -> None:
    before = files_in(folder)

    ran = gridrt(folder, *DETECT, "--out", "/proc/self/detections")  # read-only for root, too

    assert is_one_error(ran), ran.stderr
    assert files_in(folder) == before


@pytest.mark.parametrize("unset", [["HOME"], ["TMPDIR"], ["HOME", "XDG_CACHE_HOME", "TMPDIR", "PATH", "LANG"]], ids=str)
def test_nothing_depends_on_variables(folder: Path, unset: Sequence[str]) -> None:
    command = ["env", *(f"--unset={name}" for name in unset), sys.executable, "-m", "gridrt", *DETECT]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(json.loads((folder / "found.json").read_text())) == 1


def test_a_home_and_a_folder_for_temporary_files_that_are_missing_do_no_harm(folder: Path) -> None:
    nowhere = str(folder / "none")

    ran = gridrt(folder, *DETECT, environment={"HOME": nowhere, "TMPDIR": nowhere})

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("more", [{}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}], ids=str)
def test_names_beyond_ascii_work_in_the_locale_c(folder: Path, more: Mapping[str, str]) -> None:
    shutil.move(folder / "images/1.png", folder / "images/größe 水.png")

    ran = gridrt(folder, *DETECT, environment={"LC_ALL": "C", **more})

    assert (ran.returncode, ran.stderr) == (0, "")
    assert (folder / "detections/größe 水.png").is_file()


def test_a_closed_stdout_is_no_traceback(folder: Path) -> None:
    ran = gridrt(folder, *DETECT, limit=lambda: os.close(1), stdout=None)

    assert "Traceback" not in ran.stderr
    assert ran.returncode in (0, 1)
    assert len(json.loads((folder / "found.json").read_text())) == 1


def test_a_reader_that_has_gone_is_no_traceback(folder: Path) -> None:
    read, write = os.pipe()
    os.close(read)

    ran = gridrt(folder, *DETECT[:-1], "-", stdout=write)
    os.close(write)

    assert "Traceback" not in ran.stderr
    assert ran.returncode != 0


@pytest.mark.slow
def test_a_folder_of_many_files_is_read_whole(folder: Path) -> None:
    for number in range(2, MANY + 1):
        os.link(folder / "images/1.png", folder / f"images/{number}.png")
    truth = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in range(1, MANY + 1)],
        "categories": [{"id": 1, "name": "scene"}],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, 64, 48]} for n in range(1, MANY + 1)],
    }
    (folder / "truth.json").write_text(json.dumps(truth))
    limits = (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])  # open files

    ran = gridrt(
        folder, "evaluate", "a.onnx", "--images", "images", "--annotations", "truth.json", "--threads", "1", "--scale",
        "64", "48", "--results", "found.json", limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),
    )  # fmt: skip

    assert (ran.returncode, ran.stderr) == (0, "")
    assert {result["image_id"] for result in json.loads((folder / "found.json").read_text())} == set(range(1, MANY + 1))


@pytest.mark.parametrize("megabytes", [700, 1000, 1500, 2500])
def test_little_memory_is_enough_or_one_line(folder: Path, megabytes: int) -> None:
    most = megabytes * 1_000_000  # of addresses, of which libraries take several hundred MB that they never use

    ran = gridrt(folder, *DETECT, limit=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)))

    assert "Traceback" not in ran.stderr
    assert ran.returncode == 0 or is_one_error(ran), ran.stderr


def test_a_working_folder_that_is_deleted_is_one_line(folder: Path) -> None:
    gone = folder / "gone"
    source = {"PYTHONPATH": str(Path(__file__).parents[2])}  # else it may be found from the working folder only

    for words in (("detect", f"{folder}/images", "--model", f"{folder}/a.onnx"), ("inspect", "a.onnx")):
        gone.mkdir()
        ran = gridrt(gone, *words, environment=source, limit=gone.rmdir)

        assert is_one_error(ran), ran.stderr
