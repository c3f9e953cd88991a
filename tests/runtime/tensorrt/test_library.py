"""Which TensorRT is taken, and what is said where there is none."""

from __future__ import annotations

import functools
import sys
from types import SimpleNamespace

import pytest

from gridrt.errors import DependencyError
from gridrt.machine.devices import Gpu
from gridrt.runtime.tensorrt import library as tensorrt_library
from gridrt.runtime.tensorrt.library import LAYERS, MessageLog, load_tensorrt
from tests.fake_tensorrt import fake_tensorrt

GPU = Gpu("a GPU", 1000, "9.0", "580")


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps the first one that it loads; here each test has its own."""
    monkeypatch.setattr(tensorrt_library, "_load", functools.cache(tensorrt_library._load.__wrapped__))


def install(monkeypatch: pytest.MonkeyPatch, *names: str, gpus: list[Gpu], version: str = "11.4.0") -> None:
    """A machine with these modules and GPUs."""
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, fake_tensorrt(name, version) if name in names else None)
    monkeypatch.setattr(tensorrt_library, "find_gpus", lambda: gpus)
    monkeypatch.setattr(tensorrt_library, "_mend_wheel", lambda: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if name in names else None)


@pytest.mark.parametrize(
    ("installed", "gpus", "taken"),
    [
        (("tensorrt", "tensorrt_rtx"), [GPU], "tensorrt"),
        (("tensorrt", "tensorrt_rtx"), [], "tensorrt-rtx"),
        (("tensorrt_rtx",), [GPU], "tensorrt-rtx"),
        (("tensorrt",), [GPU], "tensorrt"),
    ],
)
def test_auto_takes_tensorrt_for_a_gpu_and_the_other_one_else(
    monkeypatch: pytest.MonkeyPatch, installed: tuple[str, ...], gpus: list[Gpu], taken: str
) -> None:
    install(monkeypatch, *installed, gpus=gpus)
    assert load_tensorrt("auto").name == taken


@pytest.mark.parametrize(
    ("runtime", "gpus", "place", "extra"),
    [
        ("auto", [], "tensorrt-rtx", "trt-rtx"),
        ("auto", [GPU], "tensorrt", "trt"),
        ("tensorrt", [], "tensorrt", "trt"),
        ("tensorrt-rtx", [GPU], "tensorrt-rtx", "trt-rtx"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, runtime: tensorrt_library.RuntimeName, gpus: list[Gpu], place: str, extra: str
) -> None:
    install(monkeypatch, gpus=gpus)
    with pytest.raises(DependencyError) as caught:
        load_tensorrt(runtime)
    assert caught.value.place == place
    assert caught.value.remedy == f'Run: pip install "gridrt[{extra}]"'


def test_a_version_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "tensorrt", gpus=[GPU], version="10.7.0.23")
    with pytest.raises(DependencyError, match=r"10\.8 .*10\.7\.0\.23"):
        load_tensorrt("tensorrt")


def test_the_log_keeps_errors_warnings_once_and_the_list_of_layers() -> None:
    log = MessageLog()
    for severity, message in [
        ("VERBOSE", "Registering layer: conv"),
        ("WARNING", "a scale is converted"),
        ("INTERNAL_ERROR", "first\n"),
        ("ERROR", "second"),
        ("WARNING", "a scale is converted"),
        ("VERBOSE", f"{LAYERS}Name: conv, LayerType: correlation"),
    ]:
        log.log(SimpleNamespace(name=severity), message)
    assert log.errors == ["first", "second"]
    assert list(log.warnings) == ["a scale is converted"]
    assert log.layers == "Name: conv, LayerType: correlation"
    log.clear()
    assert (log.errors, log.warnings, log.layers) == ([], {}, "")
