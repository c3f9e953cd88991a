from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from benchmarks import precision, real_size
from benchmarks.real_size import _int8_weights
from gridrt.report.metrics import FIGURES


def test_the_docs_have_the_table_of_the_results(root: Path) -> None:
    page = (root / "docs/precision.md").read_text().splitlines()

    assert set(precision.lines(precision.RESULTS)) <= set(page)


@pytest.mark.parametrize("name", ["bccd", "synthetic"])
def test_the_measured_losses_are_within_their_budgets(name: str) -> None:
    """In points of 100: FP16 0.1 of AP and 0.3 of AP90, INT8 or mixed 0.5 of AP."""
    rows = json.loads((precision.RESULTS / f"precision_{name}.json").read_text())["rows"]
    reference = next(row["overall"] for row in rows if row["what"] == "ONNX FP32")

    def loss(what: str, figure: str) -> float:
        losses = [100 * (reference[figure] - row["overall"][figure]) for row in rows if what in row["what"]]
        return float(max(losses))

    assert loss("FP16 for TensorRT", "ap") <= 0.1
    assert loss("FP16 for TensorRT", "ap90") <= 0.3
    assert loss("INT8 for TensorRT", "ap") <= 0.5
    assert loss("INT8 for a CPU", "ap") <= 0.5


def test_a_row_is_shown_in_points_of_100(tmp_path: Path) -> None:
    overall = dict.fromkeys(FIGURES.values(), 0.12345)
    row = {"what": "ONNX FP32", "bytes": 2_500_000, "overall": overall}
    (tmp_path / "precision_bccd.json").write_text(json.dumps({"rows": [row]}))

    assert list(precision.lines(tmp_path))[-1] == "| bccd | ONNX FP32 | 2.5 | 12.35 | 12.35 | 12.35 | 12.35 | 12.35 |"


def test_neither_a_set_nor_the_table_is_a_mistake() -> None:
    assert CliRunner().invoke(precision.command, []).exit_code == 2


def test_files_of_full_size_are_as_small_as_they_should_be() -> None:
    rows = {(row["recipe"], row["target"]): row for row in json.loads(real_size.RESULT.read_text())["rows"]}

    assert rows["fp16", "tensorrt"]["share_of_fp32"] <= 0.52
    for target in ("tensorrt", "cpu"):
        assert rows["int8", target]["int8_weights"]["tensors"] >= 70


def test_weights_that_are_int8_are_counted_and_zero_points_are_not() -> None:
    shapes: dict[tuple[int, ...], type[np.generic]] = {(3, 2, 1, 1): np.int8, (3,): np.int8, (2, 2): np.float16}
    tensors = [onnx.numpy_helper.from_array(np.zeros(shape, dtype), str(shape)) for shape, dtype in shapes.items()]
    model = onnx.helper.make_model(onnx.helper.make_graph([], "stored", [], [], tensors))

    assert _int8_weights(model) == {"tensors": 1, "numbers": 6}
