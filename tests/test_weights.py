"""The weights that ship: small, complete, and those that their cards tell of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gridrt.files import sha256_of
from gridrt.model.checkpoint import load_model
from gridrt.model.zoo import SHIPPED

MOST_BYTES = 6_000_000
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"

shipped = pytest.mark.parametrize("name", list(SHIPPED))


@shipped
def test_they_are_small_and_open_by_their_name(name: str) -> None:
    model = load_model(name)

    assert SHIPPED[name].stat().st_size < MOST_BYTES
    assert model.variant == "tiny"
    assert model.scale == {"tiny_bccd": (480, 360), "tiny_synthetic": (320, 256)}[name]
    assert not any(class_name.startswith("class ") for class_name in model.class_names)


@shipped
def test_their_card_tells_of_this_very_file_and_of_the_figures_that_were_measured(name: str) -> None:
    told = SHIPPED[name].with_suffix(".md").read_text()
    measured = json.loads((RESULTS / f"training_{name.removeprefix('tiny_')}_tiny.json").read_text())

    assert measured["sha256"] == sha256_of(SHIPPED[name])
    for fact in (measured["sha256"], measured["command"], f"| {100 * measured['overall']['ap']:.1f} |"):
        assert fact in told


@shipped
def test_their_log_ends_with_the_precision_that_half_the_bits_keep(name: str) -> None:
    log = [json.loads(line) for line in SHIPPED[name].with_suffix(".jsonl").read_text().splitlines()]
    measured = json.loads((RESULTS / f"training_{name.removeprefix('tiny_')}_tiny.json").read_text())

    assert (log[-1]["iteration"], log[-1]["epoch"]) == (measured["iterations"], measured["epochs"])
    assert log[-1]["ap"] == pytest.approx(measured["overall"]["ap"], abs=2e-3)
