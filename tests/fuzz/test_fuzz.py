"""Commands survive a few damaged files of each format; `make fuzz` tries more of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.fuzz.formats import FORMATS
from tests.fuzz.guard import Ended, Job, run_guarded
from tests.fuzz.judge import MOST_MEMORY, Result, judge

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads limits from /proc")
QUICK = [name for name in FORMATS if name != "training state"]  # whose sound file takes a training
SOUND = Result(b'[{"score": 0.5, "of": "' + b"a" * 64 + b'"}]', ["warning: of every run"])
ERROR = "error: a.onnx: this is damaged\n"


@pytest.mark.parametrize(
    ("files", "names"), [(2, QUICK), pytest.param(25, [*FORMATS], marks=pytest.mark.slow)], ids=["quick", "all"]
)
def test_no_damaged_file_leads_to_a_violation(tmp_path: Path, root: Path, files: int, names: Sequence[str]) -> None:
    """In a process of its own: this one may have threads, and cannot be forked."""
    table = tmp_path / "table.json"
    formats = [word for name in names for word in ("--format", name)]
    command = [sys.executable, "-m", "tests.fuzz", str(files), "--workers", "1", "--json", str(table), *formats]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = json.loads(table.read_text())["formats"]
    assert [(row["format"], row["files"]) for row in rows] == [(name, files) for name in names]
    assert sum(row["refused"] for row in rows) > len(rows)


def ended(work: Callable[[], object], folder: Path, patience: float = 20) -> Ended:
    [(_, end)] = run_guarded([Job("", folder, work)], patience=patience)
    return end


def judged(end: Ended, content: bytes = SOUND.content, *, is_covered: bool = False) -> str:
    end = replace(end, peak=0)  # a forked child holds what the process of the tests holds
    return judge(end, Result(content, end.stderr.splitlines()), SOUND, is_covered=is_covered)


def say(text: str, code: int = 0) -> None:
    sys.stderr.write(text)
    sys.exit(code)


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise ValueError("no one caught this")


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (fail, "traceback"),
        (kill_itself, "died"),
        (partial(sys.exit, 1), "exit code"),
        (partial(say, "a library's own line\n"), "noise"),
        (partial(say, ERROR), "exit code"),
        (partial(say, ERROR, 1), "refused"),
        (partial(say, "warning: of every run\n"), "same"),
        (partial(say, "warning: another\n"), "warned"),
    ],
    ids=["raises", "dies", "exits", "noise", "error of 0", "error of 1", "known", "new"],
)
def test_each_end_of_a_command_is_recognised(tmp_path: Path, work: Callable[[], object], kind: str) -> None:
    assert judged(ended(work, tmp_path)) == kind


def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    def start_and_wait() -> None:
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        Path("started").write_text(str(other.pid))
        time.sleep(100)

    end = ended(start_and_wait, tmp_path, patience=1)

    assert judged(end) == "hang"
    state = Path("/proc", (tmp_path / "started").read_text(), "stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"  # ended, if not yet reaped


def test_memory_is_measured(tmp_path: Path) -> None:
    end = ended(lambda: len(b"1" * (300 << 20)), tmp_path)

    assert end.peak > 300 << 20
    assert judge(Ended(0, MOST_MEMORY + 1, 0, "", ""), SOUND, SOUND, is_covered=False) == "memory"


@pytest.mark.parametrize(
    ("content", "is_covered", "kind"),
    [
        (SOUND.content, True, "same"),
        (b'[{"score": NaN}]', False, "nonsense"),
        (b"[]", False, "nonsense"),
        (SOUND.content.replace(b"0.5", b"0.7"), False, "changed"),
        (SOUND.content.replace(b"0.5", b"0.7"), True, "nonsense"),
        (SOUND.content.replace(b"0.5", b"0.7").replace(b"a" * 64, b"b" * 64), True, "told"),
        (SOUND.content.replace(b"a" * 64, b"b" * 64), True, "same"),
    ],
)
def test_what_changes_silently_is_judged_by_its_content(content: bytes, is_covered: bool, kind: str) -> None:  # noqa: FBT001
    assert judged(Ended(0, 0, 0, "", ""), content, is_covered=is_covered) == kind


def test_jobs_run_side_by_side_and_each_ends_once(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(7)]
    for folder in folders:
        folder.mkdir()

    ends = list(run_guarded((Job(folder.name, folder, Path("made").touch) for folder in folders), workers=3))

    assert sorted(job.tag for job, _ in ends) == list("0123456")
    assert all((folder / "made").exists() for folder in folders)
