from __future__ import annotations

import json
from pathlib import Path

from benchmarks.training_card import comparison

ROOT = Path(__file__).parents[2]


def test_the_docs_hold_the_table_of_the_committed_results() -> None:
    table = "\n".join(comparison(ROOT / "benchmarks" / "results"))

    assert table in (ROOT / "docs" / "train.md").read_text()


def test_the_grid_and_regression_learned_under_the_same_conditions() -> None:
    for data in ("bccd", "synthetic"):
        grid, box = (
            json.loads((ROOT / f"benchmarks/results/training_{data}_{model}.json").read_text())
            for model in ("tiny", "faster_tiny")
        )
        assert grid["command"] == box["command"].replace("faster_tiny", "tiny")
        assert (grid["iterations"], grid["images"], grid["scale"]) == (box["iterations"], box["images"], box["scale"])
