"""The stages of the model in PyTorch, by calling its parts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gridrt.data.transform import Batch
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.grid_roi_head import GridRoIHead
from gridrt.model.roi_head import DetectionRows
from gridrt.model.rpn_head import Proposals
from gridrt.runtime.backend import EndToEndOnlyError
from gridrt.runtime.stage_runner import Features, ProposalRows
from gridrt.types import Float32Array, RawDetections


class TorchStages:
    """See `gridrt.runtime.stage_runner.StageRunner`.

    Args:
        model: moved to the CPU, where factors of a convolution keep their bits.
        head: its second stage.
    """

    def __init__(self, model: GridRCNN, head: GridRoIHead) -> None:
        self._model, self._head = model.eval().cpu(), head

    @torch.inference_mode()
    def features(self, batch: Batch) -> Features:
        """From the pixels to the maps of the region proposal network."""
        model = self._model
        normalized = model.normalize(torch.from_numpy(batch.images), _sizes(batch))
        pyramid = model.neck(model.backbone(normalized))
        objectness, deltas = zip(*model.rpn_head(pyramid), strict=True)
        return Features(normalized.numpy(), _arrays(pyramid), _arrays(objectness), _arrays(deltas))

    @torch.inference_mode()
    def propose(self, batch: Batch, features: Features) -> ProposalRows:
        """Proposals of objectness and deltas."""
        rpn = self._model.rpn_head
        maps = list(zip(_tensors(features.objectness), _tensors(features.deltas), strict=True))
        boxes, _, used = rpn.select(maps, _sizes(batch), rpn.proposals)
        return ProposalRows(boxes.numpy(), used.numpy())

    @torch.inference_mode()
    def score(self, batch: Batch, features: Features, proposals: ProposalRows) -> Float32Array:  # noqa: ARG002 - the protocol's
        """Class probabilities of proposals."""
        scores: Float32Array = self._head.score(_tensors(features.pyramid), _proposals(proposals)).numpy()
        return scores

    @torch.inference_mode()
    def suppress(self, batch: Batch, proposals: ProposalRows, scores: Float32Array) -> RawDetections:  # noqa: ARG002 - the same
        """Detections before the grid."""
        return _raw(self._head.suppress(_proposals(proposals), torch.from_numpy(scores)))

    @torch.inference_mode()
    def heatmaps(self, batch: Batch, features: Features, selected: RawDetections) -> Float32Array:  # noqa: ARG002 - the same
        """Heatmap logits of detections."""
        logits: Float32Array = self._head.heatmaps(_tensors(features.pyramid), _rows(selected)).numpy()
        return logits

    @torch.inference_mode()
    def locate(self, batch: Batch, selected: RawDetections, heatmaps: Float32Array) -> RawDetections:  # noqa: ARG002 - the same
        """Detections with the boxes that heatmaps vote for."""
        return _raw(self._head.decode(_rows(selected), torch.from_numpy(heatmaps)))


def torch_stage_runner(model: GridRCNN, path: Path) -> TorchStages:
    """A model, taken apart.

    Raises:
        EndToEndOnlyError: it has no grid.
    """
    if not isinstance(model.roi_head, GridRoIHead):
        raise EndToEndOnlyError("Faster R-CNN has no grid", place=path)
    return TorchStages(model, model.roi_head)


def _sizes(batch: Batch) -> Tensor:
    return torch.from_numpy(batch.image_sizes)


def _arrays(tensors: Iterable[Tensor]) -> tuple[Float32Array, ...]:
    return tuple(tensor.numpy() for tensor in tensors)


def _tensors(arrays: Iterable[Float32Array]) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def _proposals(rows: ProposalRows) -> Proposals:
    # Objectness has done its work: the rows are in its order.
    used = torch.from_numpy(rows.used)
    return Proposals(torch.from_numpy(rows.boxes), used.float(), used)


def _rows(raw: RawDetections) -> DetectionRows:
    return DetectionRows(*map(torch.from_numpy, (raw.boxes, raw.scores, raw.labels)))


def _raw(rows: DetectionRows) -> RawDetections:
    boxes, scores, labels = (np.ascontiguousarray(tensor.numpy()) for tensor in rows)
    return RawDetections(boxes, scores, labels)
