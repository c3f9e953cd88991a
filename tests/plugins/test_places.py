"""The README lists all code outside its folders that names an op, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridrt.plugins.contract import Contract
from gridrt.plugins.kernels import KERNELS

ROOT = Path(__file__).parents[2]
TREES = ("benchmarks", "calib", "export", "gridrt", "plugins", "tools")
CODE = (".py", ".toml", ".cu", ".cuh", ".h", ".cpp", ".txt", ".cmake", ".sh")
ROW = re.compile(r"^\| `(?P<place>[^`]+)` \| [^|]+ \| (?P<ops>[^|]+) \|$", re.MULTILINE)

for_each_op = pytest.mark.parametrize("contract", [kernel.contract for kernel in KERNELS], ids=lambda each: each.name)


def code_outside(folder: str) -> Iterator[Path]:
    """All code of the repository, but for the folders of one op."""
    for tree in TREES:
        for at, folders, names in os.walk(ROOT / tree):  # which does not follow the links in gridrt/
            folders[:] = [name for name in folders if name not in {folder, "__pycache__"}]
            yield from (Path(at, name) for name in names if name.endswith(CODE))


def places_in_readme(op: str) -> set[str]:
    rows = ROW.finditer((ROOT / "plugins" / "README.md").read_text())
    return {row["place"] for row in rows if f"`{op}`" in row["ops"]}


@for_each_op
def test_code_names_an_op_only_where_the_readme_says(contract: Contract) -> None:
    folder = contract.folder.name
    names = re.compile(f"{contract.name}|{folder}|{folder.upper()}")

    found = {path.relative_to(ROOT).as_posix() for path in code_outside(folder) if names.search(path.read_text())}

    assert found == places_in_readme(contract.name)


@for_each_op
@pytest.mark.parametrize("parent", ["benchmarks/ops", "tests/plugins", "tests/benchmarks/ops", "tests/gpu"])
def test_every_op_has_the_folders_that_the_readme_names(contract: Contract, parent: str) -> None:
    assert (ROOT / parent / contract.folder.name).is_dir()


def test_the_readme_describes_the_files_of_every_folder() -> None:
    described = set(re.findall(r"^    (\w+\.\w+)  ", (ROOT / "plugins" / "README.md").read_text(), re.MULTILINE))

    assert {"contract.py", "plugin.cuh"} <= described
    for kernel in KERNELS:
        assert described <= {file.name for file in kernel.contract.folder.iterdir()}
