"""An option that a library would ignore is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gridrt.config import DEFAULT_SCALE
from gridrt.errors import EngineError
from gridrt.export.engine.options import EngineOptions, refuse_impossible
from gridrt.export.engine.profile import profile_for
from gridrt.runtime.tensorrt.library import MessageLog, TensorRT
from tests.fake_tensorrt import fake_tensorrt

PLAIN = EngineOptions(profile_for(DEFAULT_SCALE))


def library(name: str) -> TensorRT:
    trt = fake_tensorrt(name)
    if name == "tensorrt-rtx":
        trt.ComputeCapability = SimpleNamespace(SM75=1, SM89=2)
    return TensorRT(name, trt, MessageLog())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
def test_what_both_can_is_taken(name: str) -> None:
    refuse_impossible(replace(PLAIN, workspace_mib=64, refit=True), library(name))


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        ("tensorrt-rtx", {"hardware": "ampere-plus"}, None),
        ("tensorrt-rtx", {"timing_cache": Path("times")}, None),
        ("tensorrt-rtx", {"compute_capabilities": ((9, 0),)}, "9.0"),
        ("tensorrt", {"compute_capabilities": ((8, 9),)}, None),
        ("tensorrt", {"hardware": "same-compute-capability"}, "same-compute-capability"),
    ],
)
def test_what_a_library_cannot_is_refused(name: str, change: dict[str, Any], found: str | None) -> None:
    with pytest.raises(EngineError) as caught:
        refuse_impossible(replace(PLAIN, **change), library(name))
    assert (caught.value.place, caught.value.value) == (f"`{next(iter(change))}`", found)


def test_the_compute_capabilities_of_a_library_are_named_where_it_lacks_one() -> None:
    with pytest.raises(EngineError) as caught:
        refuse_impossible(replace(PLAIN, compute_capabilities=((9, 0),)), library("tensorrt-rtx"))
    assert all(known in caught.value.remedy for known in ("SM75", "SM89"))


def test_what_a_library_can_is_taken() -> None:
    refuse_impossible(replace(PLAIN, hardware="ampere-plus", timing_cache=Path("times")), library("tensorrt"))
    refuse_impossible(replace(PLAIN, compute_capabilities=((8, 9), (7, 5))), library("tensorrt-rtx"))
