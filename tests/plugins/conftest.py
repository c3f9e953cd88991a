"""Kernels for the CPU, each compiled once for all processes that share the tests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from filelock import FileLock

from tests.plugins.host_kernel import Compiler, HostLibrary, compile_library


@pytest.fixture(scope="session")
def compile_for_host(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """Compiles a kernel for the CPU."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def library_of(source: Path, symbol: str, options: Sequence[str]) -> HostLibrary:
        key = hashlib.sha256("\n".join((str(source), symbol, *options)).encode()).hexdigest()[:16]
        library = folder / f"{symbol}_{key}.so"
        with FileLock(library.with_suffix(".lock")):
            if not library.exists():
                compile_library(source, symbol, options, library)
        return HostLibrary(library)

    return library_of
