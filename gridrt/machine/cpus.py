"""How many CPU threads this process can use at a time, by its affinity, its control groups and the physical cores."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

PROCESS = Path("/proc/self")
SYSTEM = Path("/sys/devices/system/cpu")


def thread_count(asked: int | None) -> int:
    """The CPU threads of a session: as many as asked for, or else `usable_cpus`.

    A larger number is used as given, with one warning: threads that wait for each other's CPU are slower than fewer.
    """
    usable = usable_cpus()
    if asked is None:
        return usable
    if asked > usable:
        _warn_of_too_many(asked, usable)
    return asked


def usable_cpus(process: Path = PROCESS, system: Path = SYSTEM) -> int:
    """Physical cores that the process may run on, but no more than the CPU quota of its control groups, rounded up.

    Args:
        process: the process's folder in /proc.
        system: the folder with the topology of the CPUs.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores = {_text(system / f"cpu{cpu}/topology/thread_siblings_list") or str(cpu) for cpu in allowed}
    quota = min(_quotas(process), default=math.inf)
    return max(1, min(len(cores), math.ceil(quota) if quota < math.inf else len(cores)))


def _quotas(process: Path) -> Iterator[float]:
    """In CPUs, those of the process's control groups and of the groups around them, of both versions."""
    for folder, around in _control_groups(process):
        for group in (folder, *folder.parents):
            yield from _quota_of(group)
            if group == around:
                break


def _control_groups(process: Path) -> Iterator[tuple[Path, Path]]:
    """The folder of each of the process's groups that can limit CPUs, and where its hierarchy is mounted."""
    groups: dict[str, str] = {}  # by controller; version 2 has an empty name
    for line in _text(process / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    for line in _text(process / "mountinfo").splitlines():
        mount, kind = (part.split() for part in line.split(" - ", 1))
        root, point = mount[3:5]
        controllers_of_mount = {"cgroup2": {""}, "cgroup": set(kind[-1].split(","))}.get(kind[0], set())
        for controller in controllers_of_mount & groups.keys() & {"", "cpu"}:
            group = PurePosixPath(groups[controller])
            below = group.relative_to(root) if group.is_relative_to(root) else ""  # in a container, groups of the host
            yield Path(point, below), Path(point)


def _quota_of(group: Path) -> Iterator[float]:
    """Of cpu.max (version 2), or of cpu.cfs_quota_us (version 1); nothing where there is no limit."""
    quota, period = [*_text(group / "cpu.max").split(), "", ""][:2]
    if not quota:
        quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
    if quota.isdecimal() and period.isdecimal():  # neither "max" nor -1
        yield int(quota) / int(period)


def _text(file: Path) -> str:
    """Empty where the file cannot be read."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""


@cache
def _warn_of_too_many(asked: int, usable: int) -> None:
    problem = f"{asked} threads were asked for, but this process may use {usable} CPU cores: they wait for each other"
    warnings.warn(f"{problem}. Ask for at most {usable}.", stacklevel=4)
