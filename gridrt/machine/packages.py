"""Which Python packages are installed and import, and how to mend those that do not."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Package:
    """The state of a package on this machine.

    Attributes:
        name: the name to install it by.
        required: whether GridRT needs it to run at all.
        version: None if it does not import.
        problem: why it does not import, or what is wrong with one that does; empty if all is well.
        remedy: the commands that mend it, one a line; empty if all is well.
    """

    name: str
    required: bool
    version: str | None
    problem: str
    remedy: str

    @property
    def usable(self) -> bool:
        """Whether it imports."""
        return self.version is not None


# Distribution name -> module to import. Of PyCUDA the driver module, which fails to import without CUDA.
_REQUIRED = {
    "numpy": "numpy",
    "torch": "torch",
    "onnx": "onnx",
    "onnxscript": "onnxscript",
    "onnxruntime": "onnxruntime",
    "opencv-python-headless": "cv2",
    "openvino": "openvino",
    "pillow": "PIL",
    "pycocotools": "pycocotools",
    "safetensors": "safetensors",
    "tqdm": "tqdm",
}
_OPTIONAL = {
    "matplotlib": "matplotlib",
    "pyarrow": "pyarrow",
    "tensorrt": "tensorrt",
    "tensorrt-rtx-cu13": "tensorrt_rtx",
    "cuda-bindings": "cuda.bindings",
    "cuda-core": "cuda.core",
    "polygraphy": "polygraphy",
    "pycuda": "pycuda.driver",
}


def find_packages() -> dict[str, Package]:
    """Import every package that GridRT needs or can use. Never raises."""
    return {name: probe_package(name) for name in (*_REQUIRED, *_OPTIONAL)}


def packages_with_entry_points(group: str, known: Collection[str]) -> Iterator[Package]:
    """Installed packages with entry points of a group, and what they require, but for those that are known."""
    shown = set(known)
    for distribution in [point.dist for point in importlib.metadata.entry_points(group=group) if point.dist]:
        required = [each for each in distribution.requires or () if "extra ==" not in each]
        for requirement in (distribution.name, *required):
            name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
            if name not in shown and distribution.name not in known:
                shown.add(name)
                yield _installed(name, requirement.partition(";")[0])


def _installed(name: str, requirement: str) -> Package:
    try:
        return Package(name, required=False, version=importlib.metadata.version(name), problem="", remedy="")
    except importlib.metadata.PackageNotFoundError:
        return Package(name, False, None, "not installed", f"pip install {shlex.quote(requirement)}")


def probe_package(name: str) -> Package:
    """Import one of these packages, by the name to install it by. Never raises."""
    package = _imported(name)
    return _of_one_build(package, _onnxruntime_builds()) if name == "onnxruntime" else package


def _imported(name: str) -> Package:
    required = name in _REQUIRED
    module = _REQUIRED[name] if required else _OPTIONAL[name]
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            return Package(name, required, None, "not installed", f"pip install {name}")
        return _broken(name, error, required=required)
    except Exception as error:  # noqa: BLE001 - a broken package may raise anything, which is what to report
        return _broken(name, error, required=required)
    return Package(name, required, _version(found, name), "", "")


def _broken(name: str, error: Exception, *, required: bool) -> Package:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return Package(name, required, None, f"does not import: {reason}", f"pip install --force-reinstall {name}")


def _of_one_build(package: Package, builds: Sequence[str]) -> Package:
    """ONNX Runtime with the problem of several builds, which overwrite and uninstall each other's files."""
    if not builds or (package.usable and len(builds) == 1):
        return package
    shared = f"{' and '.join(builds)} share one folder: only one of them may be installed" if len(builds) > 1 else ""
    kept = max(builds, key=lambda build: (build == "onnxruntime-gpu", build != "onnxruntime"))
    problem = "; ".join(filter(None, (package.problem, shared)))
    return replace(package, problem=problem, remedy=only_onnxruntime(kept))


def only_onnxruntime(build: str) -> str:
    """The commands that leave one build of ONNX Runtime, one a line: all go first, as they share a folder."""
    gone = sorted({"onnxruntime", build, *_onnxruntime_builds()})
    return f"pip uninstall --yes {' '.join(gone)}\npip install {build}"


def _onnxruntime_builds() -> list[str]:
    """The installed distributions that bring the module onnxruntime, such as onnxruntime-gpu, by name."""
    return sorted(
        {
            each.name
            for each in importlib.metadata.distributions()
            if "onnxruntime" in (each.read_text("top_level.txt") or "").split()
        }
    )


def _version(module: object, name: str) -> str:
    stated = getattr(module, "__version__", None)
    if stated is not None:
        return str(stated)
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
