"""The stages of an exported graph, in FP32, FP16 or INT8, each cut out and run by ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto

from gridrt.data.transform import Batch
from gridrt.graph.contract import OUTPUTS
from gridrt.graph.fp16_simulation import fp16_simulation
from gridrt.graph.stage_tensors import stage_tensors
from gridrt.runtime.onnxruntime.subgraph import Part
from gridrt.runtime.stage_runner import Features, ProposalRows
from gridrt.types import Float32Array, RawDetections

FLOAT, INT32 = TensorProto.FLOAT, TensorProto.INT32
Feeds = dict[str, npt.NDArray[Any]]


class GraphStages:
    """See `gridrt.runtime.stage_runner.StageRunner`. Where the graph has FP16, it is rounded as a GPU would.

    Args:
        model: that `gridrt export` wrote, or what was rewritten from it.
        threads: of ONNX Runtime; None means every physical core.

    Raises:
        GraphError: a stage is not to be found in it.
    """

    def __init__(self, model: ModelProto, threads: int | None = None) -> None:
        model = fp16_simulation(model)
        names = self._names = stage_tensors(model.graph)
        boxes, scores, labels = names.selected

        def part(given: Mapping[str, int], *asked: str) -> Part:
            return Part(model, given, asked, threads)

        maps = (*names.objectness, *names.deltas)
        pooled = names.pyramid[:-1]  # the coarsest level serves proposals alone
        selected = {boxes: FLOAT, scores: FLOAT, labels: INT32}
        self._features = part({}, names.input, *names.pyramid, *maps)
        self._propose = part(dict.fromkeys(maps, FLOAT), names.proposals, names.levels)
        self._score = part(dict.fromkeys((*pooled, names.proposals), FLOAT) | {names.levels: INT32}, names.scores)
        self._suppress = part(dict.fromkeys((names.proposals, names.scores), FLOAT), *names.selected)
        self._heatmaps = part(dict.fromkeys(pooled, FLOAT) | selected, names.heatmaps)
        self._given_out = [name for name in OUTPUTS if name not in selected]
        self._locate = part({names.heatmaps: FLOAT} | selected, *self._given_out)

    def features(self, batch: Batch) -> Features:
        """From the pixels to the maps of the region proposal network."""
        made = iter(self._features(_pixels(batch)))
        names = self._names
        levels = (names.pyramid, names.objectness, names.deltas)
        return Features(next(made), *(tuple(islice(made, len(each))) for each in levels))

    def propose(self, batch: Batch, features: Features) -> ProposalRows:
        """Proposals of objectness and deltas."""
        names = (*self._names.objectness, *self._names.deltas)
        maps = dict(zip(names, (*features.objectness, *features.deltas), strict=True))
        boxes, levels = self._propose(_pixels(batch) | maps)
        return ProposalRows(boxes, levels >= 0)

    def score(self, batch: Batch, features: Features, proposals: ProposalRows) -> Float32Array:
        """Class probabilities of proposals."""
        levels = np.where(proposals.used, 0, -1).astype(np.int32)  # which one is no longer of interest
        rows = {self._names.proposals: proposals.boxes, self._names.levels: levels}
        (scores,) = self._score(_pixels(batch) | self._pyramid(features) | rows)
        return scores

    def suppress(self, batch: Batch, proposals: ProposalRows, scores: Float32Array) -> RawDetections:
        """Detections before the grid."""
        rows = {self._names.proposals: proposals.boxes, self._names.scores: scores}
        return RawDetections(*self._suppress(_pixels(batch) | rows))

    def heatmaps(self, batch: Batch, features: Features, selected: RawDetections) -> Float32Array:
        """Heatmap logits of detections."""
        (heatmaps,) = self._heatmaps(_pixels(batch) | self._pyramid(features) | self._selected(selected))
        return heatmaps

    def locate(self, batch: Batch, selected: RawDetections, heatmaps: Float32Array) -> RawDetections:
        """Detections with the boxes that heatmaps vote for."""
        feeds = _pixels(batch) | self._selected(selected) | {self._names.heatmaps: heatmaps}
        made = feeds | dict(zip(self._given_out, self._locate(feeds), strict=True))
        boxes, scores, labels = (made[name] for name in OUTPUTS)
        return RawDetections(boxes, scores, labels)

    def _pyramid(self, features: Features) -> Feeds:
        return dict(zip(self._names.pyramid, features.pyramid, strict=True))

    def _selected(self, rows: RawDetections) -> Feeds:
        return dict(zip(self._names.selected, (rows.boxes, rows.scores, rows.labels), strict=True))


def _pixels(batch: Batch) -> Feeds:
    """The graph's own inputs: parts read the image's size from them."""
    return {"images": batch.images, "image_sizes": batch.image_sizes}
