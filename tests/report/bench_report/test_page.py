from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridrt.bench.result import BenchResult, GateResult, Row, StageRow
from gridrt.classes import COCO_CLASSES
from gridrt.data.image import save_image
from gridrt.errors import OutputError
from gridrt.report.bench_report import bench_page, save_bench_report
from tests.bench_results import accuracy, bench_result, disagreement, gates, many_rows, rows, speed
from tests.html_pages import Node, parsed

EVIL = "<script>alert(1)</script>.onnx"


def sections(page: Node) -> list[str]:
    return [section.attributes["id"] for section in page.one("main").all("section")]


def embedded(page: Node) -> object:
    return json.loads(page.one("script", id="result")._raw())


@pytest.fixture
def image(tmp_path: Path) -> Path:
    save_image(tmp_path / "a.png", np.zeros((80, 100, 3), np.uint8))
    return tmp_path / "a.png"


def test_a_whole_bench_has_every_section(image: Path) -> None:
    page = parsed(bench_page(bench_result(gates=gates(), disagreements=[disagreement(image)])))

    wanted = ["figures", "trade-off", "iou", "recall", "latency", "stages", "disagreements", "conditions", "terms"]
    assert sections(page) == wanted
    assert [link.attributes["href"] for link in page.one("nav").all("a")] == [f"#{name}" for name in wanted]


def test_the_json_is_in_the_page() -> None:
    result = bench_result(gates=gates(), complete=False)

    assert embedded(parsed(bench_page(result))) == json.loads(result.to_json())


def test_nothing_in_the_page_is_elsewhere(image: Path) -> None:
    text = bench_page(bench_result(gates=gates(), disagreements=[disagreement(image)]))
    page = parsed(text)

    assert not re.search(r"(https?:)?//[a-z]", text.replace(" // ", ""))
    for node in page.below():
        for name in ("src", "href", "srcset", "action", "poster", "style", "onclick", "onload"):
            assert node.attributes.get(name, "#").startswith(("#", "data:image/jpeg;base64,")), node
    assert not page.all("link") + page.all("iframe") + page.all("object") + page.all("base")
    assert not re.search(r"url\(|@import", text)


def test_only_our_style_and_script_may_run() -> None:
    page = parsed(bench_page(bench_result()))
    policy = page.one("meta", http_equiv="Content-Security-Policy").attributes["content"]

    for node in (page.one("style"), page.all("script")[1]):
        digest = base64.b64encode(hashlib.sha256(node._raw().encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:; ")


def test_what_comes_from_outside_is_text(tmp_path: Path, image: Path) -> None:
    """Names of every kind, all of them a script."""
    row = replace(
        rows()[1],
        name=EVIL,
        artefact=EVIL,
        recipe=EVIL,
        run_by=EVIL,
        format=EVIL,
        precision=EVIL,
        backend=EVIL,
        sha256=EVIL,
        weights_sha256=EVIL,
        failure=f"</script>{EVIL}",
        warnings=[f"</style><!-- {EVIL}"],
        accuracy=accuracy(classes=[EVIL, "</td>"]),
        stages=[StageRow(EVIL, 0.1, 0.05)],
    )
    result = BenchResult(
        complete=False,
        conditions={EVIL: {EVIL: [EVIL]}},
        reference=EVIL,
        rows=[row, replace(row, name=f"other {EVIL}")],
        gates=[GateResult(EVIL, EVIL, 1, None, met=False, reason=EVIL)],
        disagreements=[
            replace(disagreement(image, EVIL), file=tmp_path / "<script>.png", class_names=[EVIL] * 3),
        ],
    )
    clean = bench_page(bench_result(rows()[:2]))

    text = bench_page(result)

    page = parsed(text)
    assert len(page.all("script")) == len(parsed(clean).all("script")) == 2
    assert len(page.all("style")) == 1
    assert text.count("</script>") == 2
    assert text.count("<!--") == 0
    assert embedded(page) == json.loads(result.to_json())
    assert EVIL in page.one("h1").text


def test_the_page_describes_to_screen_readers_what_they_cannot_see(image: Path) -> None:
    page = parsed(bench_page(bench_result(gates=gates(), disagreements=[disagreement(image)])))

    assert page.one("html").attributes["lang"] == "en"
    for svg in page.all("svg"):
        named = svg.attributes.get("role") == "img" and svg.attributes["aria-label"]
        assert named or svg.attributes.get("aria-hidden") == "true"
    for table in page.all("table"):
        assert table.one("caption").text
        assert all(head.attributes["scope"] in {"col", "colgroup", "row"} for head in table.all("th"))
    for box in page.all("div", class_="scroll"):
        assert (box.attributes["tabindex"], box.attributes["role"]) == ("0", "region")
        assert box.attributes["aria-label"]
    names = [node.attributes["id"] for node in page.below() if "id" in node.attributes]
    assert len(names) == len(set(names))


def test_headings_go_down_step_by_step(image: Path) -> None:
    page = parsed(bench_page(bench_result(gates=gates(), disagreements=[disagreement(image)])))
    levels = [int(node.tag[1]) for node in page.below() if re.fullmatch("h[1-6]", node.tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) == 1


NOTHING = Row("b.onnx", failure="no graph")
CASES: dict[str, tuple[BenchResult, Sequence[str]]] = {
    "no accuracy": (
        bench_result([replace(row, accuracy=None, deltas={}) for row in rows()]),
        ["figures", "latency", "stages", "conditions", "terms"],
    ),
    "no speed": (
        bench_result([replace(row, speed=None, stages=[]) for row in rows()]),
        ["figures", "iou", "recall", "conditions", "terms"],
    ),
    "one model": (
        bench_result(rows()[:1]),
        ["figures", "trade-off", "iou", "recall", "latency", "stages", "conditions", "terms"],
    ),
    "all failed": (bench_result([replace(NOTHING, name="a.pth"), NOTHING]), ["figures", "conditions", "terms"]),
    "the reference failed": (
        bench_result([NOTHING, *(replace(row, deltas={}) for row in rows()[1:])]),
        ["figures", "trade-off", "iou", "recall", "latency", "stages", "conditions", "terms"],
    ),
    "no rows and no conditions": (BenchResult(False, {}, "a", []), ["figures", "conditions", "terms"]),
    "no objects": (
        bench_result(
            [
                replace(
                    rows()[0],
                    accuracy=replace(
                        accuracy(),
                        images=0,
                        overall=dict.fromkeys(accuracy().overall, None),
                        by_iou=dict.fromkeys(accuracy().by_iou, None),
                        precision_recall=dict.fromkeys(("0.50",), ()),
                    ),
                )
            ]
        ),
        ["figures", "latency", "stages", "conditions", "terms"],
    ),
    "no seconds kept": (
        bench_result([replace(rows()[0], speed=replace(speed(0.1, 0), seconds={}), bytes=0)]),
        ["figures", "trade-off", "iou", "recall", "stages", "conditions", "terms"],
    ),
    "one image": (
        bench_result([replace(rows()[0], speed=speed(0.1, 0, images=1))]),
        ["figures", "trade-off", "iou", "recall", "latency", "stages", "conditions", "terms"],
    ),
    "stages of no length": (
        bench_result([replace(rows()[0], stages=[StageRow("backbone", 0.0, 0.0)])]),
        ["figures", "trade-off", "iou", "recall", "latency", "conditions", "terms"],
    ),
    "twelve models": (
        bench_result(many_rows(12)),
        ["figures", "trade-off", "iou", "recall", "latency", "stages", "conditions", "terms"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_is_left_out(case: str) -> None:
    result, wanted = CASES[case]

    text = bench_page(result)

    assert sections(parsed(text)) == wanted
    assert not re.search(r"\b(nan|inf|None)\b", text.partition('<script type="application/json"')[0])


@pytest.mark.parametrize(("count", "lines"), [(1, None), (3, 3), (80, 80)])
def test_classes_have_a_line_each_where_there_are_several(count: int, lines: int | None) -> None:
    measured = [replace(row, accuracy=accuracy(classes=COCO_CLASSES[:count])) for row in rows()]

    tables = parsed(bench_page(bench_result(measured))).all("table", class_="classes")

    assert [len(table.all("tbody")) for table in tables] == ([] if lines is None else [lines])


def test_the_file_is_written_whole(tmp_path: Path, image: Path) -> None:
    result = bench_result(disagreements=[disagreement(image)])
    save_bench_report(tmp_path / "made" / "bench.html", result)

    assert (tmp_path / "made" / "bench.html").read_text(encoding="utf-8") == bench_page(result)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        save_bench_report(tmp_path, bench_result())
