"""`gridrt doctor`: what this machine can run, and what to install."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

import gridrt
from gridrt.errors import DependencyError
from gridrt.machine.devices import Cpu, Gpu, find_cpu, find_gpus
from gridrt.machine.packages import Package, find_packages

if TYPE_CHECKING:
    from gridrt.runtime.backend import Availability


@click.command("doctor")
@click.option("as_json", "--json", is_flag=True, help="Print the same facts as JSON.")
def command(*, as_json: bool) -> None:
    """Tell what this machine can run, and what to install for what it cannot."""
    packages, cpu, gpus = find_packages(), find_cpu(), find_gpus()
    from gridrt.runtime.backend import backends as registered

    backends = [found for backend in registered() for found in backend.probe()]
    show = _as_json if as_json else _as_text
    click.echo(show(packages.values(), cpu, gpus, backends))
    _require_core(packages.values())


def _require_core(packages: Iterable[Package]) -> None:
    for package in packages:
        if package.required and not package.usable:
            raise DependencyError(
                "GridRT cannot run without this package",
                place=package.name,
                value=package.problem,
                remedy=f"Run: {package.remedy}",
            )


def _as_json(packages: Iterable[Package], cpu: Cpu, gpus: Sequence[Gpu], backends: Sequence[Availability]) -> str:
    facts = {
        "gridrt": gridrt.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": dataclasses.asdict(cpu),
        "gpus": [dataclasses.asdict(gpu) for gpu in gpus],
        "packages": [dataclasses.asdict(package) for package in packages],
        "backends": [{**dataclasses.asdict(backend), "runs": backend.runs} for backend in backends],
    }
    return json.dumps(facts, indent=2)


def _as_text(packages: Iterable[Package], cpu: Cpu, gpus: Sequence[Gpu], backends: Sequence[Availability]) -> str:
    return "\n\n".join(
        [
            f"gridrt {gridrt.__version__}, Python {platform.python_version()}, {platform.platform()}",
            _section("Devices", [_cpu_row(cpu), *map(_gpu_row, gpus)]),
            _section("Packages", map(_package_row, packages)),
            _section("Backends", map(_backend_row, backends)),
            f"{sum(backend.runs for backend in backends)} of {len(backends)} backends run here.",
        ]
    )


_Row = tuple[str, str, str]  # name, what was found, the command that mends it


def _cpu_row(cpu: Cpu) -> _Row:
    return "CPU", f"{cpu.name}, {cpu.cores} cores, {' '.join(cpu.instruction_sets) or 'instruction sets unknown'}", ""


def _gpu_row(gpu: Gpu) -> _Row:
    facts = f"{gpu.memory_mib} MiB, compute capability {gpu.compute_capability}, driver {gpu.driver}"
    return "GPU", f"{gpu.name}, {facts}", ""


def _package_row(package: Package) -> _Row:
    return (
        package.name,
        package.version or package.problem + ("" if package.required else " (optional)"),
        package.remedy,
    )


def _backend_row(backend: Availability) -> _Row:
    return backend.name, "runs" if backend.runs else f"does not run: {backend.problem}", backend.remedy


def _section(title: str, rows: Iterable[_Row]) -> str:
    """A title and its rows; a remedy has a line of its own, ready to copy."""
    lines = [title]
    for name, found, remedy in rows:
        lines.append(f"  {name:<24}{found}")
        if remedy:
            lines.append(f"  {'':<24}$ {remedy}")
    return "\n".join(lines)
