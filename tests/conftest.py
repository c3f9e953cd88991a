"""What every test may use."""

from __future__ import annotations

import os
import sys

# Before any library counts the cores: tests run side by side, and one thread gives the same sums everywhere.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("GRIDRT_PLUGIN_LIBRARY", None)  # it would choose the plugins of engines
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # children would compile `gridrt` anew

import hashlib
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from filelock import FileLock
from hypothesis import settings
from onnx import ModelProto
from PIL import Image

from gridrt.export.onnx_export import onnx_from_model, save_onnx
from gridrt.files import sha256_of
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.untrained import untrained_model
from gridrt.model.zoo import locate
from tests.plugins.host_kernel import Compiler, HostLibrary, compile_library
from tests.reweighted import reweighted

torch.set_num_threads(1)
sys.dont_write_bytecode = False  # else pytest rewrites the tests each time, 8 s in each process

# The first example pays for imports and warm-up, and a shared machine stalls: time says nothing here.
settings.register_profile("gridrt", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=200)  # of `make test-all`
settings.load_profile("gridrt")

# The files that take longest begin first, so that processes that share the tests end at about the same time. Each of
# the first makes another graph that later ones share.
COSTLY = (
    "tests/model/test_golden_inference.py",
    "tests/calib/test_accuracy.py",
    "tests/cli/test_export.py",
    "tests/cli/test_demo.py",
    "tests/model/test_losses.py",
    "tests/cli/test_train.py",
    "tests/plugins/test_types.py",
    "tests/plugins/multi_level_roi_align/test_kernel.py",
    "tests/cli/test_build_engine.py",
    "tests/cli/test_evaluate.py",
)

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "data" / "golden"
PHOTOS = Path(__file__).parent / "data" / "photos"

Arrays = Mapping[str, npt.NDArray[np.generic]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the costly files first; `--no-loadscope-reorder` keeps xdist to this order."""
    ranks = {ROOT / name: rank for rank, name in enumerate(COSTLY)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real pictures that are too large for the repository: the folder GRIDRT_DATA names, else shared/data beside it."""
    folder = Path(os.environ.get("GRIDRT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no pictures at {folder}; set GRIDRT_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Arrays]:
    """Loads tests/data/golden/<name>.npz: inputs and outputs of the reference implementation."""

    def load(name: str) -> Arrays:
        with np.load(GOLDEN / f"{name}.npz") as arrays:
            return dict(arrays)

    return load


@pytest.fixture(scope="session")
def photo() -> Callable[[str], npt.NDArray[np.uint8]]:
    """Loads tests/data/photos/<name>.png: uint8 [H, W, 3] RGB."""

    def load(name: str) -> npt.NDArray[np.uint8]:
        with Image.open(PHOTOS / f"{name}.png") as picture:
            return np.asarray(picture.convert("RGB"))

    return load


@pytest.fixture(scope="session")
def untrained() -> Callable[[str], GridRCNN]:
    """Makes a model with the deterministic weights, which the goldens were made with; each variant once."""
    return cache(lambda variant: untrained_model(variant).eval())


@pytest.fixture(scope="session")
def exported(untrained: Callable[[str], GridRCNN], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes the ONNX file of such a model."""
    folder = shared_folder(tmp_path_factory)

    def graph_of(variant: str) -> Path:
        return written_once(folder / f"{variant}.onnx", lambda: onnx_from_model(untrained(variant), "0" * 64))

    return graph_of


@pytest.fixture(scope="session")
def shipped(
    untrained: Callable[[str], GridRCNN], exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Writes the ONNX file of weights that ship: their variant, `tiny`, is traced once for all."""
    folder = shared_folder(tmp_path_factory)

    def graph_of(name: str) -> Path:
        weights, path = locate(name), folder / f"{name}.onnx"
        return written_once(
            path,
            lambda: reweighted(onnx.load(exported("tiny")), untrained("tiny"), load_model(weights), sha256_of(weights)),
        )

    return graph_of


@pytest.fixture(scope="session")
def tiny_synthetic_file(shipped: Callable[[str], Path]) -> Path:
    """The ONNX file of the weights that ship."""
    return shipped("tiny_synthetic")


@pytest.fixture(scope="session")
def tiny_bccd_file(shipped: Callable[[str], Path]) -> Path:
    """The ONNX file of the weights that ship for blood cells."""
    return shipped("tiny_bccd")


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all processes that share the tests."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def written_once(path: Path, export: Callable[[], ModelProto]) -> Path:
    """An ONNX file that takes long to make."""
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            save_onnx(export(), path)
    return path


@pytest.fixture(scope="session")
def compile_for_host(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """Compiles a kernel for the CPU, each once for all processes that share the tests."""
    folder = shared_folder(tmp_path_factory)

    def library_of(source: Path, symbol: str, options: Sequence[str]) -> HostLibrary:
        key = hashlib.sha256("\n".join((str(source), symbol, *options)).encode()).hexdigest()[:16]
        library = folder / f"{symbol}_{key}.so"
        with FileLock(library.with_suffix(".lock")):
            if not library.exists():
                compile_library(source, symbol, options, library)
        return HostLibrary(library)

    return library_of


@pytest.fixture(scope="session")
def tensorrt_rtx() -> Any:  # noqa: ANN401 - a module
    """TensorRT for RTX, where it is installed: it builds engines without a GPU."""
    pytest.importorskip("polygraphy", reason='engines are built through Polygraphy: pip install ".[trt-rtx]"')
    pytest.importorskip("tensorrt_rtx", reason='TensorRT for RTX is not installed: pip install ".[trt-rtx]"')
    from gridrt.runtime.tensorrt.library import load_tensorrt

    return load_tensorrt("tensorrt-rtx").trt


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files of this process end at 1 MB, as on a disk that is full by then."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
