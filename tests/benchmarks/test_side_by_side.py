from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import side_by_side
from benchmarks.side_by_side import RESULTS, largest_change, lines


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    content = json.loads((RESULTS / "bench_bccd.json").read_text())
    assert content["complete"]
    return {row["artefact"]: row for row in content["rows"]}


def test_the_docs_have_the_table_of_the_results(root: Path) -> None:
    page, readme = ((root / file).read_text().splitlines() for file in ("docs/trust/bench.md", "README.md"))

    assert set(lines(RESULTS)) <= set(page)
    assert {line for line in lines(RESULTS) if line.startswith("|")} <= set(readme)


def test_every_artefact_was_measured_on_all_images_and_none_is_flagged(rows: dict[str, Any]) -> None:
    assert list(rows) == [
        "tiny_bccd",
        *(f"tiny_bccd.{ending}" for ending in ("onnx", "fp16.onnx", "int8.onnx", "int8.cpu.onnx")),
    ]
    assert {row["accuracy"]["images"] for row in rows.values()} == {72}
    assert not any(row["failure"] or row["warnings"] for row in rows.values())


@pytest.mark.parametrize(
    ("artefact", "figure", "most"),
    [
        ("tiny_bccd.onnx", "ap", 0.01),
        ("tiny_bccd.fp16.onnx", "ap", 0.1),
        ("tiny_bccd.fp16.onnx", "ap90", 0.3),
        ("tiny_bccd.int8.onnx", "ap", 0.5),
        ("tiny_bccd.int8.cpu.onnx", "ap", 0.5),
    ],
)
def test_the_measured_losses_are_within_their_budgets(
    rows: dict[str, Any], artefact: str, figure: str, most: float
) -> None:
    """In points of 100."""
    assert -100 * rows[artefact]["deltas"][figure] <= most


def test_two_runs_in_a_row_gave_the_same_ratios_within_a_tenth() -> None:
    assert largest_change(RESULTS, "bccd") <= 0.1


def test_the_largest_change_is_that_of_any_speedup(tmp_path: Path) -> None:
    for run, session in (("", 2.0), ("_again", 1.5)):
        speedups = {"a": {"session": session, "detector": 1.0}, "b": {"session": 1.0, "detector": 1.1}}
        content = [{"artefact": name, "speed": {"speedup": of_parts}} for name, of_parts in speedups.items()]
        (tmp_path / f"bench_x{run}.json").write_text(json.dumps({"rows": content}))

    assert largest_change(tmp_path, "x") == pytest.approx(0.25)


def test_neither_a_set_nor_the_table_is_a_mistake() -> None:
    assert CliRunner().invoke(side_by_side.command, []).exit_code == 2
