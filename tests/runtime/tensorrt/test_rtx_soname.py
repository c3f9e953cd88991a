"""A library can be found under the name that the wheel of TensorRT for RTX lacks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIND_IT = """
import ctypes, pathlib, sys
from gridrt.runtime.tensorrt.rtx_soname import load_alias
folder = pathlib.Path(sys.argv[1])
real = ctypes.CDLL(str(folder / "libtensorrt_rtx.so.1"))
try:
    ctypes.CDLL("libtensorrt_rtx.so")
    raise SystemExit("it was there already")
except OSError:
    pass
load_alias(folder)
found = ctypes.CDLL("libtensorrt_rtx.so")
print(found.count(), real.count(), found.count())
"""


def test_what_is_looked_up_under_the_name_is_found_in_the_real_library(tmp_path: Path) -> None:
    """In a process of its own: one that has loaded an alias knows the name for good."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no gcc to make a library with")
    source, library = tmp_path / "real.c", tmp_path / "libtensorrt_rtx.so.1"
    source.write_text("int count(void) { static int calls = 0; return ++calls; }\n")
    subprocess.run(
        [compiler, "-shared", "-fPIC", str(source), "-o", str(library), f"-Wl,-soname,{library.name}"], check=True
    )
    done = subprocess.run(
        [sys.executable, "-c", FIND_IT, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "1 2 3\n", done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["libtensorrt_rtx.so.1", "real.c"]


def test_without_the_wheel_nothing_is_loaded(tmp_path: Path) -> None:
    from gridrt.runtime.tensorrt.rtx_soname import load_alias

    load_alias(tmp_path)
    assert list(tmp_path.iterdir()) == []
