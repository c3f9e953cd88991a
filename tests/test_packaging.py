"""What a user installs: the links of the repository are ordinary files there."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKED = ("calib", "export", "plugins")
# Each package has an __init__.py, so a wheel with these has the packages.
MODULES = {f"gridrt/{folder}/__init__.py" for folder in LINKED} | {"gridrt/__init__.py", "gridrt/py.typed"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("gridrt-*.whl"))


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    return next(built.glob("gridrt-*.tar.gz"))


SUFFIXES = (
    *(".py", "/py.typed", ".toml", ".h", ".cuh", ".cu", ".cpp", "/CMakeLists.txt", "/README.md"),
    *(".css", ".html", ".js"),
)


def source_files() -> set[str]:
    """The files of the package, with those behind the links, and the weights that ship with their cards."""
    walked = ((folder, name) for folder, _, names in os.walk(ROOT / "gridrt", followlinks=True) for name in names)
    paths = (Path(folder, name).relative_to(ROOT).as_posix() for folder, name in walked)
    return {path for path in paths if path.endswith(SUFFIXES) or path.startswith("gridrt/weights/")}


def test_the_wheel_holds_gridrt_and_no_other_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}

    assert {name for name in top if not name.endswith(".dist-info")} == {"gridrt"}


def test_the_wheel_holds_every_file_of_the_package_once(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert set(names) >= MODULES
    assert sorted(name for name in names if name.startswith("gridrt/")) == sorted(source_files())


def test_the_sdist_holds_ordinary_files(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    names = {member.name.partition("/")[2] for member in members}

    assert {member.name for member in members if not member.isfile()} == set()
    assert source_files() | {"LICENSE", "README.md", "pyproject.toml"} <= names
    assert not any(name.startswith(f"{folder}/") for name in names for folder in LINKED)


def test_the_wheel_imports_from_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)  # noqa: S202 - our own wheel
    modules = ", ".join(f"gridrt.{folder}" for folder in LINKED)
    program = f"import gridrt, {modules}; gridrt.open_detector; print(gridrt.__file__)"
    answer = run_python(program, tmp_path, installed)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == str(installed / "gridrt" / "__init__.py")


def test_an_installed_kernel_finds_its_sources(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)  # noqa: S202 - our own wheel
    program = """
from gridrt.plugins.kernel import INCLUDES
from gridrt.plugins.kernels import KERNELS
print(all(kernel.entry.is_file() for kernel in KERNELS), all((folder.is_dir()) for folder in INCLUDES))
"""
    answer = run_python(program, tmp_path, installed)

    assert answer.stdout.split() == ["True", "True"], answer.stderr


@pytest.mark.parametrize("folder", LINKED)
def test_a_linked_package_refuses_any_other_name(folder: str, tmp_path: Path) -> None:
    answer = run_python(f"import {folder}", tmp_path, ROOT)

    expected = f"ImportError: this package is imported as gridrt.{folder}, not as {folder}"
    assert answer.stderr.splitlines()[-1] == expected


@pytest.mark.parametrize("folder", LINKED)
def test_the_links_are_relative(folder: str) -> None:
    assert (ROOT / "gridrt" / folder).readlink() == Path("..", folder)


def run_python(program: str, folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run `program` in `folder`, with `path` before everything that is installed."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
