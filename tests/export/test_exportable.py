"""What cannot be exported is refused before anything is written."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from gridrt.cli.main import cli
from gridrt.model.checkpoint import save_weights
from gridrt.model.untrained import untrained_model


def test_the_baseline_is_refused_in_one_line(tmp_path: Path) -> None:
    weights, graph = tmp_path / "w.pth", tmp_path / "w.onnx"
    save_weights(untrained_model("faster_tiny", num_classes=3), weights)

    result = CliRunner().invoke(cli, ["export", "--weights", str(weights), "--out", str(graph)], catch_exceptions=False)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: Faster R-CNN, the baseline, cannot be exported (found faster_tiny). "
        "Run this checkpoint with PyTorch, or export one of a variant with a grid, such as r50.\n"
    )
    assert list(tmp_path.iterdir()) == [weights]
