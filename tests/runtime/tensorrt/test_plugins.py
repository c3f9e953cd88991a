"""Which plugins are taken, and that what cannot be had is an error; TensorRT is a stand-in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, get_args

import pytest

from gridrt.errors import DependencyError, EngineError
from gridrt.plugins.contract import DOMAIN
from gridrt.plugins.kernels import KERNELS
from gridrt.runtime.tensorrt import plugins as engine_plugins
from gridrt.runtime.tensorrt.library import MessageLog, TensorRT
from gridrt.runtime.tensorrt.plugins import ADAPTERS, Adapter, chosen_adapter, prepare_plugins, prepare_to_run
from tests.fake_tensorrt import PluginField, fake_tensorrt


class Quick:
    """The kind of creators that TensorRT makes of ahead-of-time definitions."""

    name, plugin_namespace = "GridFusion", DOMAIN


def library(name: str = "tensorrt", *, has_aot: bool = True) -> TensorRT:
    trt = fake_tensorrt(name)
    if has_aot:
        trt.QuickPluginCreationRequest, trt.IPluginCreatorV3Quick = "of TensorRT 10.9 and later", Quick
    return TensorRT(name, trt, MessageLog())  # type: ignore[arg-type]


def creators(of: TensorRT) -> list[Any]:
    found: list[Any] = of.trt.get_plugin_registry().all_creators
    return found


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked for, of packages and definitions that need not be here."""
    made: list[str] = []
    monkeypatch.setattr(engine_plugins, "cuda_core", lambda: made.append("cuda-core"))
    monkeypatch.setattr(engine_plugins, "nvrtc_bindings", lambda: made.append("NVRTC"))
    monkeypatch.setattr(engine_plugins, "define_plugins", lambda _kernels, _compiler: made.append("definitions"))
    return made


def test_auto_is_the_library_that_is_named_else_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_adapter("auto") == "python"
    monkeypatch.setenv("GRIDRT_PLUGIN_LIBRARY", "")
    assert chosen_adapter("auto") == "python"
    monkeypatch.setenv("GRIDRT_PLUGIN_LIBRARY", "libgridrt_plugins.so")
    assert chosen_adapter("auto") == "library"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_what_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch, adapter: Adapter) -> None:
    monkeypatch.setenv("GRIDRT_PLUGIN_LIBRARY", "libgridrt_plugins.so")
    assert chosen_adapter(adapter) == adapter
    assert get_args(Adapter) == ADAPTERS


def test_python_plugins_are_registered_and_need_a_compiler_where_tensorrt_times_them(calls: list[str]) -> None:
    here = library()
    prepare_plugins("python", here)
    prepare_plugins("python", here)
    assert [creator.name for creator in creators(here)] == [kernel.contract.name for kernel in KERNELS]
    assert calls == ["cuda-core"] * 2
    prepare_plugins("python", library("tensorrt-rtx"))
    assert calls == ["cuda-core"] * 2


def test_ahead_of_time_definitions_are_made(calls: list[str]) -> None:
    prepare_plugins("aot", library())
    assert calls == ["NVRTC", "definitions"]


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
def test_a_tensorrt_without_ahead_of_time_plugins_is_refused(name: str, calls: list[str]) -> None:
    with pytest.raises(EngineError, match=rf"10\.16 .*{name} 11\.4\.0"):
        prepare_plugins("aot", library(name, has_aot=False))
    assert calls == []


def test_bindings_that_misread_lists_are_refused_for_ahead_of_time_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PluginField, "broken", True)
    with pytest.raises(EngineError, match=r"TensorRT 10\.16 or later"):
        prepare_plugins("aot", library())


@pytest.mark.parametrize("prepare", [prepare_plugins, prepare_to_run])
def test_a_library_that_nothing_names_is_an_error(prepare: Any) -> None:  # noqa: ANN401 - a function
    with pytest.raises(EngineError, match=r"GRIDRT_PLUGIN_LIBRARY"):
        prepare("library", library())


def test_a_library_that_is_named_and_missing_is_an_error_and_nothing_else_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRIDRT_PLUGIN_LIBRARY", "/nowhere/libgridrt_plugins.so")
    here = library()
    with pytest.raises(EngineError, match=r"^/nowhere/libgridrt_plugins\.so: "):
        prepare_plugins(chosen_adapter("auto"), here)
    assert creators(here) == []


@pytest.mark.parametrize(
    ("present", "asked"), [("python", "library"), ("library", "python"), ("aot", "python"), ("python", "aot")]
)
def test_a_process_has_plugins_of_one_kind(present: Adapter, asked: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRT_PLUGIN_LIBRARY", "libgridrt_plugins.so")
    here = library()
    if present == "python":
        prepare_plugins("python", here)
    else:
        of_the_library = SimpleNamespace(name="GridFusion", plugin_namespace=DOMAIN)
        creators(here).append(Quick() if present == "aot" else of_the_library)
    with pytest.raises(EngineError, match=rf"{asked} .*{present}"):
        prepare_plugins(asked, here)
    prepare_plugins(present, here)


def test_an_engine_that_holds_its_kernels_needs_nothing_to_run(calls: list[str]) -> None:
    here = library(has_aot=False)
    prepare_to_run("aot", here)
    assert (creators(here), calls) == ([], [])


def test_python_plugins_need_a_compiler_to_run_in_either_tensorrt(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise DependencyError("cuda-core is missing")

    monkeypatch.setattr(engine_plugins, "cuda_core", missing)
    with pytest.raises(DependencyError):
        prepare_to_run("python", library("tensorrt-rtx"))
