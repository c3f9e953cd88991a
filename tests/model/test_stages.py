"""The stages of R-50 against the reference, so that an error is found where it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

from gridrt.data.transform import Transform
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.rpn_head import Proposals


@pytest.fixture(scope="module")
def reference(golden: Callable[[str], Mapping[str, np.ndarray]]) -> Mapping[str, np.ndarray]:
    return golden("infer_r50_coffee_small")


@pytest.fixture(scope="module")
def stages(
    untrained: Callable[[str], GridRCNN], photo: Callable[[str], np.ndarray]
) -> tuple[GridRCNN, list[torch.Tensor], Proposals]:
    model = untrained("r50")
    batch = Transform((512, 320))([photo("coffee")])
    images, sizes = torch.from_numpy(batch.images), torch.from_numpy(batch.image_sizes)
    with torch.inference_mode():
        pyramid = model.fpn(model.features(model.input(images, sizes)))
        return model, pyramid, model.proposals(model.rpn(pyramid), sizes)


def test_proposals_equal_the_reference(
    stages: tuple[GridRCNN, list[torch.Tensor], Proposals], reference: Mapping[str, np.ndarray]
) -> None:
    """Neighbours whose scores differ in the last bit may swap ranks, so boxes are looked up, not compared by row."""
    boxes = stages[2].boxes[0].numpy()
    distance = np.abs(reference["props"][:, None] - boxes[None]).max(-1)  # [R, R]
    assert (distance.min(1) > 1e-2).sum() <= 1
    np.testing.assert_allclose(stages[2].scores[0], reference["prop_scores"], atol=1e-5)


def test_detections_before_the_grid_equal_the_reference(
    stages: tuple[GridRCNN, list[torch.Tensor], Proposals], reference: Mapping[str, np.ndarray]
) -> None:
    model, pyramid, proposals = stages
    sizes = torch.tensor([[320, 512]], dtype=torch.int32)  # the grid's candidates do not depend on it
    with torch.inference_mode():
        pooled = model.roi_align(pyramid, proposals.boxes, model.roi_head.rois.classify_size)
        detections = model.detections(proposals, model.box_head(pooled, proposals.used), sizes)
    used = detections.labels[0] >= 0
    distance = np.abs(reference["det0_boxes"][:, None] - detections.boxes[0][used].numpy()[None]).max(-1)
    assert distance.min(1).max() <= 1e-2
    np.testing.assert_allclose(detections.scores[0][used], reference["scores"], atol=2e-4)
