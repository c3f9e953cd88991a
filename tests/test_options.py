from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

import gridrt
from gridrt.errors import GridRTError
from gridrt.options import check_range


@pytest.mark.parametrize("value", [1, 2, 1000, None])
def test_what_is_in_range_or_not_given_passes(value: int | None) -> None:
    check_range(1, threads=value)


@pytest.mark.parametrize("value", [0, -3])
def test_what_is_too_small_is_refused_by_its_name(value: int) -> None:
    with pytest.raises(GridRTError) as refused:
        check_range(1, threads=2, runs=value)
    assert (refused.value.place, refused.value.value) == ("`runs`", value)


@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan])
def test_what_is_beyond_either_end_is_refused(value: float) -> None:
    for end in (0, 1):
        check_range(0, 1, score_threshold=end)

    with pytest.raises(GridRTError) as caught:
        check_range(0, 1, score_threshold=value)
    assert (caught.value.place, caught.value.value) == ("`score_threshold`", value)


DOORS: dict[str, tuple[str, Callable[[], object]]] = {
    "open_detector": ("threads", lambda: gridrt.open_detector("tiny_synthetic", threads=0)),
    "detect_files": ("score_threshold", lambda: gridrt.detect_files("tiny_synthetic", ["a.png"], score_threshold=2)),
    "compare_models": ("threads", lambda: gridrt.compare_models("tiny_synthetic", "tiny_bccd", threads=0)),
    "benchmark, threads": ("threads", lambda: gridrt.benchmark(["tiny_synthetic"], threads=0)),
    "benchmark, runs": ("runs", lambda: gridrt.benchmark(["tiny_synthetic"], runs=0)),
    "benchmark, images": ("max_images", lambda: gridrt.benchmark(["tiny_synthetic"], max_images=0)),
    "calibrate, threads": ("threads", lambda: gridrt.calibrate("a.onnx", ".", threads=0)),
    "calibrate, images": ("max_images", lambda: gridrt.calibrate("a.onnx", ".", max_images=0)),
    "calibrate, budget": ("max_ap_drop", lambda: gridrt.calibrate("a.onnx", ".", max_ap_drop=-1, annotations="a.json")),
    "train, epochs": ("epochs", lambda: gridrt.train(".", "a.json", epochs=0)),
    "train, stages": ("frozen_stages", lambda: gridrt.train(".", "a.json", frozen_stages=5)),
    "train, workers": ("workers", lambda: gridrt.train(".", "a.json", workers=-1)),
}


@pytest.mark.parametrize("door", DOORS)
def test_functions_refuse_numbers_out_of_range_by_the_name_of_the_parameter(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").touch()
    onnx_graph(tmp_path / "a.onnx")
    name, call = DOORS[door]

    with pytest.raises(GridRTError, match="must be") as refused:
        call()
    assert refused.value.place == f"`{name}`"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "a.png"], "nothing is written"


def onnx_graph(path: Path) -> None:
    import onnx

    from tests.fakes import whole_image_graph

    onnx.save(whole_image_graph(), path)
