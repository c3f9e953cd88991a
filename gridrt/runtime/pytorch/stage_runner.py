"""The stages of the model in PyTorch, each from given arrays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gridrt.data.transform import Batch
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.grid_roi_head import GridRoIHead
from gridrt.model.roi_head import Classified, DetectionRows
from gridrt.model.rpn_head import Proposals
from gridrt.runtime.backend import EndToEndOnlyError
from gridrt.runtime.stage_runner import Features, ProposalRows
from gridrt.types import Float32Array, RawDetections


class TorchStages:
    """See `gridrt.runtime.stage_runner.StageRunner`.

    Args:
        model: with a grid; moved to the CPU, where the same input always gives the same bits.
    """

    def __init__(self, model: GridRCNN) -> None:
        self._model = model.eval().cpu()

    @torch.inference_mode()
    def features(self, batch: Batch) -> Features:
        """See `StageRunner.features`."""
        model = self._model
        pixels = model.input(torch.from_numpy(batch.images), _sizes(batch))
        features = model.features(pixels)
        pyramid = model.fpn(features)
        objectness, deltas = zip(*model.rpn(pyramid), strict=True)
        return Features(pixels.numpy(), *map(_arrays, (features, pyramid, objectness, deltas)))

    @torch.inference_mode()
    def propose(self, batch: Batch, features: Features) -> ProposalRows:
        """See `StageRunner.propose`."""
        maps = list(zip(_tensors(features.objectness), _tensors(features.deltas), strict=True))
        boxes, _, used = self._model.proposals(maps, _sizes(batch))
        return ProposalRows(boxes.numpy(), used.numpy())

    @torch.inference_mode()
    def score(self, batch: Batch, features: Features, proposals: ProposalRows) -> Float32Array:  # noqa: ARG002 - the protocol's
        """See `StageRunner.score`."""
        model, boxes = self._model, torch.from_numpy(proposals.boxes)
        pooled = model.roi_align(_tensors(features.pyramid), boxes, model.roi_head.rois.classify_size)
        scores: Float32Array = model.box_head(pooled, torch.from_numpy(proposals.used)).scores.numpy()
        return scores

    @torch.inference_mode()
    def suppress(self, batch: Batch, proposals: ProposalRows, scores: Float32Array) -> RawDetections:
        """See `StageRunner.suppress`."""
        used = torch.from_numpy(proposals.used)
        # Objectness only orders the rows, which it has done.
        rows = Proposals(torch.from_numpy(proposals.boxes), used.float(), used)
        return _raw(self._model.detections(rows, Classified(torch.from_numpy(scores)), _sizes(batch)))

    @torch.inference_mode()
    def heatmaps(self, batch: Batch, features: Features, selected: RawDetections) -> Float32Array:  # noqa: ARG002 - the same
        """See `StageRunner.heatmaps`."""
        model, rows = self._model, _rows(selected)
        boxes = rows.boxes[:, : model.rows(rows.labels >= 0)]
        pooled = model.roi_align(_tensors(features.pyramid), boxes, model.roi_head.rois.grid_size)
        logits: Float32Array = model.heatmaps(model.grid_fusion(model.grid_head(pooled))).numpy()
        return logits

    @torch.inference_mode()
    def locate(self, batch: Batch, selected: RawDetections, heatmaps: Float32Array) -> RawDetections:  # noqa: ARG002 - the same
        """See `StageRunner.locate`."""
        rows = _rows(selected)
        return _raw(self._model.decode(rows, rows.boxes[:, : len(heatmaps)], torch.from_numpy(heatmaps)))


def torch_stage_runner(model: GridRCNN, path: Path) -> TorchStages:
    """The stages of a model.

    Raises:
        EndToEndOnlyError: it has no grid.
    """
    if not isinstance(model.roi_head, GridRoIHead):
        raise EndToEndOnlyError("Faster R-CNN has no grid head", place=path)
    return TorchStages(model)


def _sizes(batch: Batch) -> Tensor:
    return torch.from_numpy(batch.image_sizes)


def _arrays(tensors: Iterable[Tensor]) -> tuple[Float32Array, ...]:
    return tuple(tensor.numpy() for tensor in tensors)


def _tensors(arrays: Iterable[Float32Array]) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def _rows(raw: RawDetections) -> DetectionRows:
    return DetectionRows(*map(torch.from_numpy, (raw.boxes, raw.scores, raw.labels)))


def _raw(rows: DetectionRows) -> RawDetections:
    boxes, scores, labels = (np.ascontiguousarray(tensor.numpy()) for tensor in rows)
    return RawDetections(boxes, scores, labels)
