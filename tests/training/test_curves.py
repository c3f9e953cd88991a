from __future__ import annotations

from pathlib import Path

import pytest

from gridrt.data.image import load_image
from gridrt.training.curves import draw_curves
from gridrt.training.log import Record

pytest.importorskip("matplotlib")

LOSSES: list[Record] = [{"iteration": n, "epoch": 1, "loss": 3 / n, "loss_cls": 2 / n, "lr": 0.1} for n in (20, 40, 60)]
METRICS: list[Record] = [{"iteration": 60, "ap": 0.3, "ap50": 0.5, "ap75": 0.2, "ap90": None}]


@pytest.mark.parametrize("records", [[], LOSSES, LOSSES + METRICS], ids=["nothing", "losses", "losses and metrics"])
def test_the_curves_are_drawn(tmp_path: Path, records: list[Record]) -> None:
    draw_curves(tmp_path / "curves.png", records)

    assert load_image(tmp_path / "curves.png").std() > 0


def test_more_records_change_the_curves(tmp_path: Path) -> None:
    draw_curves(tmp_path / "few.png", LOSSES)
    draw_curves(tmp_path / "more.png", LOSSES + METRICS)

    assert (load_image(tmp_path / "few.png") != load_image(tmp_path / "more.png")).any()
