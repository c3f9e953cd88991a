from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from gridrt.machine import cpus
from gridrt.machine.cpus import thread_count, usable_cpus


def process(folder: Path, groups: str, *mounts: str) -> Path:
    """A process in /proc that is in control groups, with file systems mounted."""
    (folder / "cgroup").write_text(groups)
    (folder / "mountinfo").write_text("\n".join(mounts))
    return folder


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def usable(folder: Path) -> int:
    return usable_cpus(folder, folder / "no topology")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("9900000 100000", 8)],
)
@pytest.mark.usefixtures("eight_cores")
def test_a_quota_of_version_2_is_honoured_rounded_up(tmp_path: Path, limit: str, expected: int) -> None:
    (tmp_path / "mount/job").mkdir(parents=True)
    (tmp_path / "mount/job/cpu.max").write_text(f"{limit}\n")
    mount = f"31 23 0:28 / {tmp_path}/mount rw,relatime shared:4 - cgroup2 cgroup2 rw"

    assert usable(process(tmp_path, "0::/job\n", mount)) == expected


@pytest.mark.usefixtures("eight_cores")
def test_the_smallest_quota_of_the_groups_around_counts(tmp_path: Path) -> None:
    (tmp_path / "mount/pod/job").mkdir(parents=True)
    (tmp_path / "mount/pod/job/cpu.max").write_text("600000 100000")
    (tmp_path / "mount/pod/cpu.max").write_text("300000 100000")
    mount = f"31 23 0:28 / {tmp_path}/mount rw - cgroup2 cgroup2 rw"

    assert usable(process(tmp_path, "0::/pod/job", mount)) == 3


@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", 8)])
@pytest.mark.usefixtures("eight_cores")
def test_a_quota_of_version_1_is_honoured(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    mounts = (
        f"32 31 0:29 / {tmp_path}/memory rw - cgroup cgroup rw,memory",
        f"33 31 0:30 /docker/12 {tmp_path}/cpu rw - cgroup cgroup rw,cpu,cpuacct",
    )

    assert usable(process(tmp_path, "4:memory:/docker/12\n3:cpu,cpuacct:/docker/12\n0::/", *mounts)) == expected


@pytest.mark.usefixtures("eight_cores")
def test_without_control_groups_the_affinity_counts(tmp_path: Path) -> None:
    assert usable(tmp_path / "nothing") == 8


@pytest.mark.usefixtures("eight_cores")
def test_two_cpus_of_one_core_count_once(tmp_path: Path) -> None:
    for cpu in range(8):
        folder = tmp_path / f"cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 4},{cpu % 4 + 4}\n")

    assert usable_cpus(tmp_path / "nothing", tmp_path) == 4


@pytest.mark.parametrize(("asked", "used", "warned"), [(None, 2, 0), (1, 1, 0), (2, 2, 0), (64, 64, 1)])
def test_more_threads_than_usable_are_used_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, asked: int | None, used: int, warned: int
) -> None:
    monkeypatch.setattr(cpus, "usable_cpus", lambda: 2)
    cpus._warn_of_too_many.cache_clear()

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert [thread_count(asked), thread_count(asked)] == [used, used]

    assert len(told) == warned
    assert all("64 threads" in str(one.message) and "2 CPU cores" in str(one.message) for one in told)


# A session over the model of one node, of each library that has its own threads; both count the calling one.
COUNTED = """
import os
import onnx.parser
from gridrt.runtime.onnxruntime.inference_session import inference_session
from gridrt.runtime.openvino.compile import compiled_graph

model = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 20]> m (float[4] x) => (float[4] y) {y = Relu(x)}')
inference_session(model.SerializeToString())  # what is started once is started here
before = len(os.listdir("/proc/self/task"))
kept = inference_session(model.SerializeToString())
print(len(os.listdir("/proc/self/task")) - before + 1, compiled_graph(model).get_property("INFERENCE_NUM_THREADS"))
"""


@pytest.mark.skipif(
    shutil.which("taskset") is None or not Path("/proc/self/task").exists(), reason="needs Linux and taskset"
)
def test_a_process_bound_to_one_cpu_starts_one_thread_in_each_library() -> None:
    command: Sequence[str] = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c", COUNTED]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1", "1"]
