"""The stages of an exported graph, in FP32, FP16 or INT8, each a subgraph that a library runs on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto

from gridrt.data.transform import Batch
from gridrt.graph.contract import OUTPUTS
from gridrt.graph.half_simulation import half_simulation
from gridrt.graph.stage_tensors import stage_tensors
from gridrt.graph.subgraph import subgraph
from gridrt.runtime.stage_runner import Features, ProposalRows
from gridrt.types import Float32Array, RawDetections

FLOAT, INT32 = TensorProto.FLOAT, TensorProto.INT32
Feeds = dict[str, npt.NDArray[Any]]


class Subgraph(Protocol):
    """An open subgraph."""

    def run(self, feeds: Mapping[str, npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]]:
        """Its outputs, in order; tensors in `feeds` that it does not consume are left out."""
        ...


class OpenSubgraph(Protocol):
    """Opens what `gridrt.graph.subgraph.subgraph` returns."""

    def __call__(self, model: ModelProto, *, threads: int | None) -> Subgraph:
        """Open a subgraph; threads are the CPU's, None means as many as the process may use."""
        ...


class GraphStages:
    """See `gridrt.runtime.stage_runner.StageRunner`. FP16 is simulated: rounded at every node, as on a GPU.

    Args:
        model: that `gridrt export` wrote, or one in another precision made from it.
        open_subgraph: of the library that runs the stages.
        threads: of the CPU; None means as many as the process may use.

    Raises:
        GraphError: it has no node that marks a stage.
    """

    def __init__(self, model: ModelProto, open_subgraph: OpenSubgraph, threads: int | None = None) -> None:
        model = half_simulation(model)
        names = self._names = stage_tensors(model.graph)
        boxes, scores, labels = names.selected

        def between(inputs: Mapping[str, int], *outputs: str) -> Subgraph:
            return open_subgraph(subgraph(model, inputs, outputs), threads=threads)

        maps = (*names.objectness, *names.deltas)
        pooled = names.pyramid[:-1]  # the coarsest level serves proposals alone
        selected = {boxes: FLOAT, scores: FLOAT, labels: INT32}
        self._features = between({}, names.input, *names.backbone, *names.pyramid, *maps)
        self._propose = between(dict.fromkeys(maps, FLOAT), names.proposals, names.levels)
        self._score = between(dict.fromkeys((*pooled, names.proposals), FLOAT) | {names.levels: INT32}, names.scores)
        self._suppress = between(dict.fromkeys((names.proposals, names.scores), FLOAT), *names.selected)
        self._heatmaps = between(dict.fromkeys(pooled, FLOAT) | selected, names.heatmaps)
        self._located = [name for name in OUTPUTS if name not in selected]
        self._locate = between({names.heatmaps: FLOAT} | selected, *self._located)

    def features(self, batch: Batch) -> Features:
        """See `StageRunner.features`."""
        tensors = iter(self._features.run(_pixels(batch)))
        names = self._names
        levels = (names.backbone, names.pyramid, names.objectness, names.deltas)
        return Features(next(tensors), *(tuple(islice(tensors, len(each))) for each in levels))

    def propose(self, batch: Batch, features: Features) -> ProposalRows:
        """See `StageRunner.propose`."""
        names = (*self._names.objectness, *self._names.deltas)
        maps = dict(zip(names, (*features.objectness, *features.deltas), strict=True))
        boxes, levels = self._propose.run(_pixels(batch) | maps)
        return ProposalRows(boxes, levels >= 0)

    def score(self, batch: Batch, features: Features, proposals: ProposalRows) -> Float32Array:
        """See `StageRunner.score`."""
        levels = np.where(proposals.used, 0, -1).astype(np.int32)  # only their sign counts from here on
        rows = {self._names.proposals: proposals.boxes, self._names.levels: levels}
        (scores,) = self._score.run(_pixels(batch) | self._pyramid(features) | rows)
        return scores

    def suppress(self, batch: Batch, proposals: ProposalRows, scores: Float32Array) -> RawDetections:
        """See `StageRunner.suppress`."""
        rows = {self._names.proposals: proposals.boxes, self._names.scores: scores}
        return RawDetections(*self._suppress.run(_pixels(batch) | rows))

    def heatmaps(self, batch: Batch, features: Features, selected: RawDetections) -> Float32Array:
        """See `StageRunner.heatmaps`."""
        (heatmaps,) = self._heatmaps.run(_pixels(batch) | self._pyramid(features) | self._selected(selected))
        return heatmaps

    def locate(self, batch: Batch, selected: RawDetections, heatmaps: Float32Array) -> RawDetections:
        """See `StageRunner.locate`."""
        feeds = _pixels(batch) | self._selected(selected) | {self._names.heatmaps: heatmaps}
        tensors = feeds | dict(zip(self._located, self._locate.run(feeds), strict=True))
        boxes, scores, labels = (tensors[name] for name in OUTPUTS)
        return RawDetections(boxes, scores, labels)

    def _pyramid(self, features: Features) -> Feeds:
        return dict(zip(self._names.pyramid, features.pyramid, strict=True))

    def _selected(self, rows: RawDetections) -> Feeds:
        return dict(zip(self._names.selected, (rows.boxes, rows.scores, rows.labels), strict=True))


def _pixels(batch: Batch) -> Feeds:
    """The graph's own inputs: subgraphs take the size of the image from them."""
    return {"images": batch.images, "image_sizes": batch.image_sizes}
