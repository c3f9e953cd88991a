from __future__ import annotations

from gridrt.eval import AveragePrecision, Metrics
from gridrt.report.metrics import points, table


def precision(objects: int, ap: float | None) -> AveragePrecision:
    return AveragePrecision(objects, ap, 0.5, 0.25, 0.2, 0.1, None, 0.3, 0.4)


def test_a_line_for_all_and_one_for_each_class_with_objects() -> None:
    metrics = Metrics(3, precision(7, 0.45678), {"cat": precision(7, 0.45678), "dog": precision(0, None)})

    assert table(metrics).splitlines() == [
        "            objects      AP    AP50    AP75    AP80    AP90   small  medium   large",
        "all classes       7    45.7    50.0    25.0    20.0    10.0       -    30.0    40.0",
        "cat               7    45.7    50.0    25.0    20.0    10.0       -    30.0    40.0",
    ]


def test_a_class_called_all_classes_has_its_own_line() -> None:
    metrics = Metrics(3, precision(2, 0.5), {"all classes": precision(2, 0.5)})

    assert len(table(metrics).splitlines()) == 3


def test_what_could_not_be_measured_is_a_dash() -> None:
    assert (points(None), points(1)) == ("-", "100.0")
