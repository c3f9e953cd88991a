"""`gridrt doctor`: what this machine can run, and what to install."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

import gridrt
from gridrt.cli.messages import say
from gridrt.errors import DependencyError, GridRTError
from gridrt.machine.devices import Cpu, Gpu, find_cpu, find_gpus
from gridrt.machine.packages import Package, find_packages, packages_with_entry_points

if TYPE_CHECKING:
    from gridrt.runtime.backend import Availability

Row = tuple[str, str, str]
"""A name, what was found, and the commands that mend it, one a line."""


@click.command("doctor")
@click.option("as_json", "--json", is_flag=True, help="Print the same facts as JSON.")
def command(*, as_json: bool) -> None:
    """Show what this machine can run, and what to install for what it cannot."""
    from gridrt.runtime.backend import GROUP, backends

    problems: list[GridRTError] = []
    packages = list(find_packages().values())
    for package in packages:
        if package.required and not package.usable:
            place, remedy = package.name, f"Run: {' && '.join(package.remedy.splitlines())}"
            problems.append(
                DependencyError("this required package is missing", place=place, value=package.problem, remedy=remedy)
            )
    packages += packages_with_entry_points(GROUP, {package.name for package in packages} | {"gridrt"})
    found = [(backend.name, each) for backend in backends() for each in backend.probe()]
    show = _as_json if as_json else _as_text
    say(show(packages, find_cpu(), find_gpus(), found))
    if problems:
        raise problems[0]


def _as_json(
    packages: Sequence[Package], cpu: Cpu, gpus: Sequence[Gpu], backends: Sequence[tuple[str, Availability]]
) -> str:
    from gridrt.runtime.advice import advice

    facts = {
        "gridrt": gridrt.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": dataclasses.asdict(cpu),
        "gpus": [dataclasses.asdict(gpu) for gpu in gpus],
        "packages": [dataclasses.asdict(package) for package in packages],
        "advice": dataclasses.asdict(advice(cpu, _names_of_running(backends))),
        "backends": [{**dataclasses.asdict(found), "runs": found.runs, "backend": name} for name, found in backends],
    }
    return json.dumps(facts, indent=2)


def _as_text(
    packages: Sequence[Package], cpu: Cpu, gpus: Sequence[Gpu], backends: Sequence[tuple[str, Availability]]
) -> str:
    sets = " ".join(cpu.instruction_sets) or "instruction sets unknown"
    devices: list[Row] = [
        ("CPU", f"{cpu.name}, {cpu.cores} cores, {sets}", ""),
        ("CPU's precisions", cpu.precisions, ""),
    ]
    for gpu in gpus:
        capability = f"compute capability {gpu.compute_capability}"
        devices.append(("GPU", f"{gpu.name}, {gpu.memory_mib} MiB, {capability}, driver {gpu.driver}", ""))
    installed: list[Row] = []
    for package in packages:
        state = "; ".join(filter(None, (package.version, package.problem)))
        optional = "" if package.required or package.usable else " (optional)"
        installed.append((package.name, state + optional, package.remedy))
    ways: list[Row] = []
    for name, found in backends:
        state = f"runs (--backend {name})" if found.runs else f"does not run: {found.problem}"
        ways.append((found.name, state, found.remedy))
    sections = {"Devices": devices, "Packages": installed, "Backends": ways}
    width = max(len(name) for rows in sections.values() for name, _, _ in rows) + 2
    return "\n\n".join(
        [
            f"gridrt {gridrt.__version__}, Python {platform.python_version()}, {platform.platform()}",
            *(_section(title, rows, width) for title, rows in sections.items()),
            f"{sum(found.runs for _, found in backends)} of {len(backends)} backends run here.",
            _recommendation(cpu, backends),
        ]
    )


def _recommendation(cpu: Cpu, backends: Sequence[tuple[str, Availability]]) -> str:
    from gridrt.runtime.advice import advice

    best = advice(cpu, _names_of_running(backends))
    what = f"{best.artefact} (--backend {best.backend}), because {best.because}"
    return f"Likely the fastest: {what}. Make it: {best.command}. Measure: gridrt bench"


def _names_of_running(backends: Sequence[tuple[str, Availability]]) -> set[str]:
    return {name for name, found in backends if found.runs}


def _section(title: str, rows: Sequence[Row], width: int) -> str:
    """A title and its rows; each command of a remedy has a line of its own, ready to copy."""
    lines = [title]
    for name, found, remedy in rows:
        lines.append(f"  {name:<{width}}{found}")
        lines += [f"  {'':<{width}}$ {command}" for command in remedy.splitlines()]
    return "\n".join(lines)
