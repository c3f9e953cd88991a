"""What was measured and stands in a sentence of the README or the site is what `benchmarks/results` holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import pytest

from benchmarks import side_by_side
from tests.docs_pages import PAGES, ROOT, page_id


def result(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def latency() -> list[str]:
    """Of R-50 on a CPU."""
    found = result("cpu_latency")
    seconds, ratios = found["seconds"]["whole detector"], found["ratios"]
    eager, floats, integers = (median(seconds[name]) for name in ("PyTorch", "ONNX Runtime", "ONNX Runtime INT8"))
    shares = {what: {row["op"]: row["share"] for row in rows} for what, rows in found["operators"].items()}
    conditions = found["conditions"]
    roi_align = [share for op, share in shares["ONNX Runtime INT8"].items() if "RoiAlign" in op]
    return [
        f"R-50 at {conditions['size'][0]} x {conditions['size'][1]}, {conditions['detections']} detections",
        f"medians of {conditions['runs']} interleaved runs",
        f"| whole detector | {eager:.1f} s | {floats:.1f} s | {integers:.2f} s |",
        *(
            f"| 1.00 | {ratios[part]['ONNX Runtime']:.2f} | {ratios[part]['ONNX Runtime INT8']:.2f} |"
            for part in ("whole detector", "backbone, FPN and RPN")
        ),
        f"Convolutions take {100 * shares['ONNX Runtime']['Conv']:.0f} % of the time in FP32 and half of it in INT8",
        *(f"RoIAlign {100 * share:.0f} % there" for share in roi_align),
    ]


def stages() -> list[str]:
    """How many times the roofline's bound each runtime takes."""
    found = result("stages")
    times = {
        name: sum(found["times"][name]["seconds"].values()) / sum(bound["seconds"] for bound in bounds.values())
        for name, bounds in found["bounds"].items()
    }
    eager, floats, integers = (times[name] for name in ("PyTorch", "ONNX Runtime", "ONNX Runtime INT8"))
    return [
        f"PyTorch takes {eager:.1f} times its bound, ONNX Runtime {floats:.1f} times in FP32 and {integers:.1f} times",
    ]


def builds() -> list[str]:
    """Of R-50's engines."""
    seconds = [row["seconds"] for row in result("engine_builds")["rows"] if row["variant"] == "r50"]
    return [f"R-50 builds in {min(seconds):.0f} to {max(seconds):.0f} s on two cores"]


def sizes() -> list[str]:
    """Of R-50's files."""
    rows = [row for row in result("real_size")["rows"] if row["target"] == "tensorrt"]
    shares = {row["recipe"]: row["share_of_fp32"] for row in rows}
    return [f"({shares['fp16']:.2f} of FP32's size in FP16, {shares['int8']:.2f} in INT8)"]


def grid_gain() -> list[str]:
    """AP90 of the grid over box regression."""
    gains = {
        data: 100 * (ap90(f"training_{data}_tiny") - ap90(f"training_{data}_faster_tiny"))
        for data in ("bccd", "synthetic")
    }
    return [
        f"+{gains['bccd']:.1f} points of AP90 on blood cells",
        f"and +{gains['synthetic']:.1f} on synthetic shapes",
        f"{result('bench_bccd')['conditions']['images']} images, one seed",
    ]


def repeated() -> list[str]:
    """How far a second bench was from the first; `tests/benchmarks` compares the tables."""
    return [line for line in side_by_side.lines(side_by_side.RESULTS) if not line.startswith("|")]


def ap90(name: str) -> float:
    return float(result(name)["overall"]["ap90"])


CLAIMS: Mapping[str, list[Callable[[], list[str]]]] = {
    "docs/trust/index.md": [latency, stages],
    "docs/trust/bench.md": [repeated],
    "docs/deploy/nvidia.md": [builds],
    "docs/precision.md": [sizes],
    "docs/train.md": [grid_gain],
}


@pytest.mark.parametrize(("page", "claims"), [(page, claims) for page, made in CLAIMS.items() for claims in made])
def test_a_sentence_has_the_figures_of_the_results(page: str, claims: Callable[[], list[str]]) -> None:
    text = plain(page)

    assert not [claim for claim in claims() if claim not in text]


# Limits, sizes of downloads and bounds that tests hold, not measurements of speed or accuracy.
STATED = {
    "6 GB": "what pip installs",
    "170 MB": "what pip installs",
    "0.01 px": "tolerance",
    "0.02 px": "tolerance of deeper backbones",
    "4 to 8 pixels": "a finding",
    "1.5 points": "seen with other calibration images, by hand",
    "95 %": "of an interval",
}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_other_figure_with_a_unit_stands_in_a_sentence(page: Any) -> None:  # noqa: ANN401 - a path
    text = plain(page_id(page))
    for claims in CLAIMS.get(page_id(page), []):
        for claim in claims():
            text = text.replace(claim, "")
    figures = re.findall(r"[\d.]+(?: to [\d.]+)? (?:s|ms|MB|GB|fps|%|points|pixels|px|times as|times its)\b", text)
    figures += re.findall(r"[\d.]+ %", text)

    assert {figure for figure in figures if figure not in STATED and float(figure.split()[0]) < 1000} == set()


def plain(page: str) -> str:
    """The text without blocks of code and without the tables that other tests compare, on one line."""
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    return " ".join(re.sub(r"^\| (?:bccd|synthetic) .*$", "", text, flags=re.MULTILINE).split())
