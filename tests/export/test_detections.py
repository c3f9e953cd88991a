from __future__ import annotations

import pytest

from gridrt.config import DetectionConfig
from gridrt.errors import GridRTError
from gridrt.export.detections import change_detections
from gridrt.model.presets import build


def test_what_is_given_is_changed_and_the_rest_stays() -> None:
    model = build("tiny", num_classes=2)
    model.roi_head.detections = DetectionConfig(0.2, 0.6, 70)

    change_detections(model, score_threshold=0.0, max_detections=300)

    assert model.roi_head.detections == DetectionConfig(0.0, 0.6, 300)


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_detections", 0), ("max_detections", 1001), ("score_threshold", -0.1), ("iou_threshold", float("nan"))],
)
def test_values_out_of_range_are_refused(name: str, value: float) -> None:
    model = build("tiny", num_classes=2)

    with pytest.raises(GridRTError) as caught:
        change_detections(model, **{name: value})  # type: ignore[arg-type]
    assert caught.value.value is value

    assert caught.value.place == f"`{name}`"
    assert model.roi_head.detections == DetectionConfig()
