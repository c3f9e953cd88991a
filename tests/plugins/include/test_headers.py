"""Every header stands by itself, for a host compiler and for one that has no host headers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gridrt.plugins.kernel import INCLUDES

PLUGINS = Path(__file__).parents[3] / "plugins"
COMMON = sorted((PLUGINS / "include" / "gridrt").glob("*.h"))
# The library's own run on the host alone and need TensorRT's: tests/plugins/library compiles them where those are.
ON_GPU = [
    path for path in sorted(PLUGINS.glob("*/*.*h")) if path.parent.name != "library" and path.name != "plugin.cuh"
]
ALL = [*COMMON, *(path for path in ON_GPU if path.suffix in {".h", ".cuh"})]


def gcc(*options: str) -> subprocess.CompletedProcess[str]:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++")
    command = [compiler, "-std=c++17", *(f"-I{folder}" for folder in INCLUDES), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def name(path: Path) -> str:
    return path.relative_to(PLUGINS).as_posix()


@pytest.mark.parametrize("header", [header for header in ALL if header.suffix == ".h"], ids=name)
def test_a_header_compiles_by_itself_without_warnings(header: Path) -> None:
    done = gcc("-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-include", str(header), "-x", "c++", os.devnull)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("header", ALL, ids=name)
def test_on_a_gpu_a_header_needs_no_headers_but_ours(header: Path) -> None:
    """NVRTC has no others."""
    macros = ("-D__CUDACC__", "-D__CUDACC_RTC__", "-D__CUDA_ARCH__=900")
    done = gcc("-nostdinc", "-nostdinc++", *macros, "-E", "-x", "c++", str(header))
    assert done.returncode == 0, done.stderr
