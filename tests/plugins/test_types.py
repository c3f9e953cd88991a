"""The code for TensorRT under mypy, against the stubs of its bindings.

They are not installed: at run time their packages would be taken for TensorRT itself. This gets them:

    pip download --no-deps --dest stubs tensorrt-stubs && unzip -d stubs stubs/*.whl
    TENSORRT_STUBS=stubs pytest tests/plugins/test_types.py
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DEFINITION = re.compile(r"^(\s*)def (\w+)\(.*$")


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the stubs that parses."""
    named = os.environ.get("TENSORRT_STUBS")
    if not named:
        pytest.skip("TENSORRT_STUBS names no folder with the unpacked wheel tensorrt-stubs")
    folder = tmp_path_factory.mktemp("stubs")
    for file in Path(named).glob("tensorrt*/**/*.pyi"):
        copy = folder / file.relative_to(named)
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


def test_the_code_for_tensorrt_has_the_types_of_its_bindings(stubs: Path, root: Path, tmp_path: Path) -> None:
    # The stubs have mistakes of their own, which are silent as those of an import.
    command = [sys.executable, "-m", "mypy", "--follow-imports", "silent", "--cache-dir", str(tmp_path), "gridrt"]
    environment = {**os.environ, "MYPYPATH": str(stubs)}

    checked = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout


def test_a_signature_that_is_not_python_is_loosened_and_others_stay() -> None:
    lines = ["    def a(self, x: int) -> str:", "    def b(self, x: dict[str: int: 3 in]) -> str:", "        ..."]

    assert list(parsable(lines)) == [
        lines[0],
        "    def b(self, *args: object, **kwargs: object) -> object:",
        lines[2],
    ]
