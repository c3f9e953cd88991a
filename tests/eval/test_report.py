from __future__ import annotations

from gridrt.eval.report import EvaluationReport
from gridrt.eval.results import Result
from tests.training.stand_ins import metrics_of


def test_a_report_is_printed_without_its_thousands_of_detections() -> None:
    result: Result = {"image_id": 4711, "category_id": 1, "bbox": [0.0, 0.0, 1.0, 1.0], "score": 0.5}

    printed = repr(EvaluationReport(metrics_of(0.5), [result] * 1000, 3, {"model": "r50.pth"}))

    assert "4711" not in printed
    assert "r50.pth" in printed
