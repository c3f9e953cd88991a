"""Every kernel compiles for every architecture, within a GPU's means."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gridrt.errors import GridRTError
from gridrt.plugins import compile as compile_module
from gridrt.plugins.compile import command, compiled
from gridrt.plugins.kernels import ALL_KERNELS
from gridrt.plugins.nvcc import ARCHITECTURES, Resources


def spilling(_source: Path, _options: Sequence[str], architectures: Sequence[str]) -> list[Resources]:
    return [Resources(architecture, 255, 32, 64, 0) for architecture in architectures]


def test_spilled_registers_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_module, "resources_of", spilling)
    with pytest.raises(GridRTError, match=r"float32, sm_90: .*64 bytes"):
        list(compiled(ALL_KERNELS, ["90"]))


def test_a_kernel_that_says_why_may_spill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_module, "resources_of", spilling)
    excused = [replace(kernel, spills="it has to be so") for kernel in ALL_KERNELS]
    assert {row.resources.spilled for row in compiled(excused, ["90"])} == {64}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc")
def test_every_kernel_compiles_for_every_architecture(tmp_path: Path) -> None:
    out = tmp_path / "kernels.json"
    result = CliRunner().invoke(command, ["--json", str(out)])
    assert result.exit_code == 0, result.output
    table = json.loads(out.read_text())
    expected = {
        (kernel.contract.name, variant.name, architecture)
        for kernel in ALL_KERNELS
        for variant in kernel.variants
        for architecture in ARCHITECTURES
    }
    assert {(row["op"], row["variant"], row["resources"]["architecture"]) for row in table["kernels"]} == expected
    assert len(result.stdout.splitlines()) == len(table["kernels"]) + 1
