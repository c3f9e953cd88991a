from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gridrt.bench.result import FIGURES, Row
from gridrt.report.bench_report.figure_tables import accuracy_table, provenance_table, speed_table
from gridrt.report.bench_report.look import looks_of
from tests.bench_results import bench_result, rows
from tests.html_pages import Node, parsed


def cells(table: str, index: int) -> dict[str, Node]:
    """Those of a row, by their keys."""
    row = parsed(table).one("tr", data_artefact=str(index))
    return {cell.attributes["data-key"]: cell for cell in row.all("td")}


def json_rows() -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = json.loads(bench_result().to_json())["rows"]
    return found


def three_digits(number: float) -> str:
    """The documented rounding, by way of the decimal exponent."""
    exponent = int(f"{number:.2e}".split("e")[1])
    return f"{number:.{min(2, max(0, 2 - exponent))}f}"


def test_accuracy_is_the_json_s_in_points_with_a_decimal() -> None:
    table = accuracy_table(looks_of(bench_result()))

    for index, row in enumerate(json_rows()):
        shown = cells(table, index)
        for key in FIGURES:
            figure, delta = row["accuracy"]["overall"][key], row["deltas"][key]
            assert shown[key].one("span").text == ("-" if figure is None else f"{100 * figure:.1f}")
            signed = [] if index == 0 or delta is None else [f"{100 * delta:+.1f}".replace("-", "−")]  # noqa: RUF001 - a minus sign
            assert [small.text.replace("±", "+") for small in shown[key].all("small")] == [
                text.replace("−0.0", "+0.0") for text in signed  # noqa: RUF001 - a minus sign
            ]  # fmt: skip
        assert shown["images"].text == str(row["accuracy"]["images"])
        assert shown["format"].text == row["format"]
        assert shown["precision"].text == row["precision"]


def test_latency_is_the_json_s_in_milliseconds_with_three_digits() -> None:
    table = speed_table(looks_of(bench_result()))

    for index, row in enumerate(json_rows()):
        shown = cells(table, index)
        for key, cell in shown.items():
            part, _, name = key.partition(".")
            if name in ("mean", "p50", "p95", "p99"):
                assert cell.text == three_digits(1000 * row["speed"]["latency"][part][name])
            elif name == "fps":
                assert cell.text == three_digits(row["speed"]["latency"][part]["fps"])
            elif name == "speedup":
                assert cell.text == f"{row['speed']['speedup'][part]:.1f}"
        assert shown["memory"].text == f"{row['memory'] / 1e6:.0f} MB"
        assert shown["gpu_memory"].text == "-"
        assert len(shown) == 13


def test_every_cell_is_below_its_head() -> None:
    for table in (accuracy_table(looks_of(bench_result())), speed_table(looks_of(bench_result()))):
        upper, lower = parsed(table).one("thead").all("tr")
        columns = [cell for cell in upper.all("th") if cell.attributes["scope"] == "col"] + lower.all("th")
        row = parsed(table).one("tr", data_artefact="0")
        grouped = sum(int(cell.attributes["colspan"]) for cell in upper.all("th", scope="colgroup"))

        assert grouped == len(lower.all("th"))
        assert len(columns) == len(row.all("th") + row.all("td"))


def test_what_failed_is_a_row_with_the_reason() -> None:
    failed = Row("runs/blood/b.engine", failure="no GPU", warnings=["made from other weights"])
    looks = looks_of(bench_result([*rows(), failed]))

    for table in (accuracy_table(looks), speed_table(looks)):
        notes = [row.text for row in parsed(table).all("tr", class_="note")]
        assert notes == ["Failed: no GPU", "Note: made from other weights"]
        assert {cell.text for cell in cells(table, 4).values()} == {"-"}


def test_the_interval_of_a_change_is_below_it() -> None:
    known = replace(rows()[1], intervals={"ap": (-0.012, 0.003)})

    shown = cells(accuracy_table(looks_of(bench_result([rows()[0], known]))), 1)

    texts = {key: [small.text for small in shown[key].all("small", class_="interval")] for key in ("ap", "ap50")}
    assert texts == {"ap": ["−1.2 to +0.3"], "ap50": []}  # noqa: RUF001 - a minus sign


def test_a_loss_looks_unlike_a_gain() -> None:
    better = replace(rows()[1], deltas={"ap": 0.01, "ap50": -0.01})

    shown = cells(accuracy_table(looks_of(bench_result([rows()[0], better]))), 1)

    assert [shown[key].one("small").attributes["class"] for key in ("ap", "ap50")] == ["delta", "delta loss"]


def test_a_recipe_is_shown_where_its_name_is_not_the_precisions() -> None:
    named = [replace(rows()[3], recipe=recipe) for recipe in (None, "int8", "mixed")]
    looks = looks_of(bench_result(named))

    shown = [cells(accuracy_table(looks), index)["precision"].text for index in range(3)]

    assert shown == ["int8", "int8", "int8 (mixed)"]


def test_what_ran_a_model_is_shown_with_its_hashes() -> None:
    lines = parsed(provenance_table(looks_of(bench_result()))).one("table").all("tbody")

    shown = [[cell.text for cell in line.all("td")] for line in lines]
    assert shown == [[row.run_by, row.sha256, row.weights_sha256] for row in rows()]
