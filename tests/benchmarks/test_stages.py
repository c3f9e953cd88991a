from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner

from benchmarks import stages
from benchmarks.candidates import CANDIDATES, ONNX_RUNTIME_INT8, OPENVINO_INT8
from gridrt.runtime.peaks import Peaks
from gridrt.stages import STAGES

IN_FLOAT, IN_INT8 = Peaks(1e11, 1e10, "float32", 4), Peaks(1e12, 1e10, "int8", 1)


@pytest.fixture
def known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "measured_peaks", lambda _device: IN_FLOAT)
    monkeypatch.setattr(stages, "measured_int8_peaks", lambda _threads: IN_INT8)


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_it_prints_a_table_and_writes_all_of_it(
    tmp_path: Path, exported: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The graph of the same weights is there already, as an export takes long.
    monkeypatch.setattr(stages, "onnx_from_model", lambda *_: onnx.load(exported("tiny")))
    out = tmp_path / "stages.json"
    arguments = ["--variant", "tiny", "--scale", "160", "96", "--threads", "1", "--warm-up", "1", "--runs", "2"]

    answer = CliRunner().invoke(stages.command, [*arguments, "--out", str(out)], catch_exceptions=False)

    assert answer.exit_code == 0
    table = [line.strip("| ").split(" | ") for line in answer.stdout.splitlines() if line.startswith("| ")]
    assert [row[:2] for row in table[2:]] == [[name, stage] for name in CANDIDATES for stage in (*STAGES, "whole")]
    result = json.loads(out.read_text())
    for name in CANDIDATES:
        seconds = result["times"][name]["seconds"]
        rows = {row[1]: row[2:] for row in table if row[0] == name}
        assert rows["whole"][0] == f"{1e3 * sum(seconds.values()):.2f}"
        assert rows["backbone"][0] == f"{1e3 * seconds['backbone']:.2f}"
        bound = result["bounds"][name]["backbone"]
        peaks = IN_INT8 if name in (ONNX_RUNTIME_INT8, OPENVINO_INT8) else IN_FLOAT
        assert bound["seconds"] == pytest.approx(
            max(bound["cost"]["flops"] / peaks.flops, bound["cost"]["elements"] * peaks.element_size / peaks.bytes)
        )
        assert rows["backbone"][3] == f"{seconds['backbone'] / bound['seconds']:.1f}"
        assert len(result["whole_seconds"][name]) == 2
    assert result["conditions"]["padded_size"] == [96, 160]


def test_other_settings_do_not_take_the_place_of_the_committed_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(stages, "measure")

    answer = CliRunner().invoke(stages.command, ["--threads", "1"])

    assert answer.exit_code == 2
    assert all(word in answer.stderr for word in ("stages.json", "--out"))
