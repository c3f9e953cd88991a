"""A library's ops are registered if they are this GridRT's; TensorRT is a stand-in, and so is the library."""

from __future__ import annotations

import _ctypes
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridrt.errors import EngineError
from gridrt.plugins.adapters.plugin_library import register_plugin_library
from gridrt.plugins.contract import DOMAIN
from gridrt.plugins.kernels import KERNELS
from tests.fake_tensorrt import fake_tensorrt

OPS = [kernel.contract.name for kernel in KERNELS]
LIBRARY = Path(_ctypes.__file__)
"""Some file that the linker can load."""


@dataclass
class Creator:
    """Of one op."""

    name: str
    plugin_version: str = "1"
    plugin_namespace: str = DOMAIN


def test_its_ops_are_registered() -> None:
    trt = fake_tensorrt()
    registry = trt.get_plugin_registry()
    registry.libraries[str(LIBRARY)] = [Creator(name) for name in OPS]
    register_plugin_library(trt, LIBRARY, KERNELS)
    assert [creator.name for creator in registry.all_creators] == OPS


@pytest.mark.parametrize(
    ("creators", "found"),
    [
        ([Creator(name, "2") for name in OPS], "BatchedNms 2, GridFusion 2, MultiLevelRoiAlign 2"),
        ([Creator(name) for name in OPS[:2]], "BatchedNms 1, GridFusion 1"),
        ([Creator("BatchedNms", plugin_namespace="other")], "none"),
    ],
)
def test_other_ops_or_versions_are_refused_and_do_not_stay(creators: list[Creator], found: str) -> None:
    trt = fake_tensorrt()
    registry = trt.get_plugin_registry()
    registry.libraries[str(LIBRARY)] = creators
    with pytest.raises(EngineError, match=rf"found {found}\)"):
        register_plugin_library(trt, LIBRARY, KERNELS)
    assert registry.all_creators == []


def test_a_library_without_plugins_is_refused() -> None:
    with pytest.raises(EngineError, match=rf"^\S*{LIBRARY.name}: "):
        register_plugin_library(fake_tensorrt(), LIBRARY, KERNELS)


def test_a_file_that_cannot_be_loaded_is_an_error_with_the_linkers_words(tmp_path: Path) -> None:
    path = tmp_path / "libgridrt_plugins.so"
    with pytest.raises(EngineError, match=r"_plugins\.so: .*missing"):
        register_plugin_library(fake_tensorrt(), path, KERNELS)
    path.write_text("no library")
    with pytest.raises(EngineError, match=r"_plugins\.so: .*found .*_plugins"):
        register_plugin_library(fake_tensorrt(), path, KERNELS)
