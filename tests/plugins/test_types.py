"""The code for TensorRT under mypy, against the stubs of its bindings.

They lie in the environment's folder `stubs`, where the Makefile puts them, and not among its packages: at run time they
would be taken for TensorRT itself. Where they are missing: pip install --no-deps --target .venv/stubs tensorrt-stubs
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DEFINITION = re.compile(r"^(\s*)def (\w+)\(.*$")


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the stubs that parses."""
    installed = Path(sys.prefix, "stubs")
    if not installed.is_dir():
        pytest.skip(f"no stubs of TensorRT's bindings: pip install --no-deps --target {installed} tensorrt-stubs")
    folder = tmp_path_factory.mktemp("stubs")
    for file in installed.glob("tensorrt*/**/*.pyi"):
        copy = folder / file.relative_to(installed)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text("\n".join(parsable(file.read_text().splitlines())) + "\n")
    return folder


def parsable(lines: list[str]) -> Iterator[str]:
    """The lines, with signatures that are not Python, as a generator of stubs writes some, taken to accept anything."""
    for line in lines:
        definition = DEFINITION.match(line)
        if definition and not is_python(f"{line.strip()} ..."):
            yield f"{definition[1]}def {definition[2]}(self, *args: object, **kwargs: object) -> object:"
        else:
            yield line


def is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


@pytest.mark.slow
def test_the_code_for_tensorrt_has_the_types_of_its_bindings(stubs: Path, root: Path, tmp_path: Path) -> None:
    if (root / ".mypy_cache").is_dir():  # what mypy knows of all other packages, where it has run
        shutil.copytree(root / ".mypy_cache", tmp_path / "cache")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "gridrt"]
    environment = {**os.environ, "MYPYPATH": str(stubs)}

    checked = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)

    assert checked.stdout, checked.stderr
    ours = [line for line in checked.stdout.splitlines() if line.startswith("gridrt")]
    assert not [line for line in ours if ": error: " in line]  # the stubs have mistakes of their own
    assert "errors prevented further checking" not in checked.stdout


def test_a_signature_that_is_not_python_is_loosened_and_others_stay() -> None:
    lines = ["    def a(self, x: int) -> str:", "    def b(self, x: dict[str: int: 3 in]) -> str:", "        ..."]

    assert list(parsable(lines)) == [
        lines[0],
        "    def b(self, *args: object, **kwargs: object) -> object:",
        lines[2],
    ]
