from __future__ import annotations

from dataclasses import replace

import pytest

from gridrt.bench.gates import Gates, check_gates
from gridrt.bench.result import Row
from gridrt.report.bench_report.summary import answer, headline, summary
from tests.bench_results import bench_result, gates, many_rows, rows
from tests.html_pages import parsed

FAILED = Row("b.onnx", failure="no graph")


def test_a_row_is_one_sentence() -> None:
    reference, _, half, int8 = rows()

    assert answer(reference, reference) == "The reference: AP 72.5, 82.0 ms an image, 46.2 MB"
    assert answer(half, reference) == "AP −0.1, 1.7 times as fast, half the size"  # noqa: RUF001 - a minus sign
    assert answer(int8, reference) == "AP −0.9, 2.7 times as fast, a quarter of the size"  # noqa: RUF001 - a minus sign


def test_a_sentence_has_the_figures_that_there_are() -> None:
    reference, _, _, int8 = rows()
    assert int8.speed is not None

    assert answer(FAILED, reference) == "No figures: no graph"
    assert answer(replace(int8, accuracy=None, deltas={}, bytes=None), reference) == (
        "AP not measured, 2.7 times as fast"
    )
    alone = replace(int8, deltas={}, speed=replace(int8.speed, speedup={"session": None, "detector": None}))
    assert answer(alone, FAILED) == "AP 71.6, 30.7 ms an image, 11.9 MB"
    assert answer(replace(int8, speed=None, failure="killed"), reference).endswith(
        "a quarter of the size, failed: killed"
    )


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (
            bench_result(gates=gates()),
            "3 models compared with tiny_bccd.pth; 2 of 4 gates not met, 1 not decidable on these images",
        ),
        (bench_result(gates=gates()[::3]), "3 models compared with tiny_bccd.pth; every gate met"),
        (bench_result(many_rows(2)), "1 model compared with model_00.int8.onnx"),
        (
            bench_result([rows()[0], replace(rows()[1], warnings=["made from other weights", "memory not measured"])]),
            "1 model compared with tiny_bccd.pth; 2 warnings",
        ),
        (bench_result(rows()[:1]), "tiny_bccd.pth alone"),
        (bench_result([*rows(), FAILED]), "4 models compared with runs/blood/tiny_bccd.pth; 1 failed"),
        (bench_result([replace(FAILED, name="a.pth"), FAILED]), "1 model compared with a.pth; all failed"),
    ],
)  # fmt: skip
def test_the_headline_is_the_whole_bench(result: object, told: str) -> None:
    assert headline(result) == told  # type: ignore[arg-type]


def test_each_row_has_its_verdict_in_words() -> None:
    cards = parsed(summary(bench_result([*rows(), FAILED], gates=gates()[1:]))).one("ul", class_="answers").all("li")

    verdicts = [[badge.text for badge in card.all("span", class_="badge")] for card in cards]
    assert verdicts == [
        [],
        [],
        ["✗ 1 of 1 gate not met"],
        ["✗ 1 of 2 gates not met, 1 not decidable on these images"],
        ["✗ failed"],
    ]


def test_gates_are_shown_with_what_was_measured() -> None:
    table = parsed(summary(bench_result(gates=gates()))).one("section", id="gates").one("table")

    lines = [[cell.text for cell in row.all("th") + row.all("td")] for row in table.all("tr")[1:]]
    assert lines[0] == [
        "tiny_bccd.fp16.onnx",
        "✓ met",  # beside the model, where a phone shows it
        "AP falls by at most 0.5 points",
        "-0.10 (95 % interval -0.30 to +0.10)",
    ]
    undecided = "✗ not met, not decidable on 120 images"
    assert [line[1] for line in lines] == ["✓ met", "✗ not met", undecided, "✓ met"]


def test_a_gate_that_the_images_do_not_decide_is_in_the_headline_and_the_card() -> None:
    unsure = replace(gates()[0], decidable=False)
    result = bench_result(gates=[unsure])

    assert "1 not decidable" in headline(result)
    cards = parsed(summary(result)).one("ul", class_="answers").all("li")
    assert [badge.text for badge in cards[2].all("span", class_="badge")] == [
        "✓ 1 gate met, 1 not decidable on these images"
    ]


def test_a_row_at_another_scale_is_not_comparable_in_the_headline_the_cards_and_the_gates() -> None:
    measured = [replace(row, scale=scale) for row, scale in zip(rows(), [(1333, 800)] * 3 + [(480, 360)], strict=True)]
    result = bench_result(measured)
    result = replace(result, gates=check_gates(result, Gates(max_ap_drop=1)))

    assert "scales differ" in headline(result)
    page = parsed(summary(result))
    assert ["480 x 360" in card.text for card in page.one("ul", class_="answers").all("li")] == [False] * 3 + [True]
    assert "480 x 360" in page.one("section", id="gates").text


def test_images_that_failed_are_counted() -> None:
    failed = replace(bench_result(), failed={"a.png": "cannot be read"})

    assert [banner.text[:24] for banner in parsed(summary(failed)).all("p", class_="banner")] == [
        "1 of 120 images failed a"
    ]


@pytest.mark.parametrize("complete", [True, False])
def test_a_bench_that_was_interrupted_says_so(complete: bool) -> None:  # noqa: FBT001 - a parameter of the test
    banners = parsed(summary(bench_result(complete=complete))).all("p", class_="banner")

    assert [banner.text[:13] for banner in banners] == ([] if complete else ["Not complete."])


def test_the_outcome_of_the_gates_comes_first() -> None:
    for shown, outcome in (
        (gates(), "✗ 2 of 4 gates not met, 1 not decidable on these images"),
        (gates()[::3], "✓ every gate met"),
    ):
        first = next(parsed(summary(bench_result(gates=shown))).below())

        assert (first.attributes["class"], first.text) == ("verdict", outcome)
    assert not parsed(summary(bench_result())).all("p", class_="verdict")


def test_a_warning_stands_below_the_headline_in_words() -> None:
    warned = bench_result([rows()[0], replace(rows()[1], warnings=["made from other weights"])])
    parts = [node for node in parsed(summary(warned)).below() if node.tag in {"h1", "p", "ul"}]

    assert [node.tag for node in parts[:2]] == ["h1", "p"]
    assert parts[1].text == "tiny_bccd.onnx: made from other weights"
