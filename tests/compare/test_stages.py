"""The stages in PyTorch equal those of the reference implementation, and those of a graph equal PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields

import numpy as np
import pytest
from onnx import ModelProto

from gridrt.compare.differences import map_errors, row_errors
from gridrt.compare.teacher_forcing import run_teacher_forced
from gridrt.compare.verdict import COMPARED
from gridrt.data.transform import Batch, Transform
from gridrt.export.passes.static_rows import static_rows
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.graph_stages import GraphStages, OpenSubgraph
from gridrt.runtime.onnxruntime.subgraph import SubgraphSession as OnnxRuntimeSubgraph
from gridrt.runtime.openvino.subgraph import SubgraphSession as OpenVinoSubgraph
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.runtime.pytorch.stage_runner import TorchStages
from gridrt.runtime.stage_runner import Features, ProposalRows, Trace, run_stages
from gridrt.types import RawDetections


@pytest.mark.slow  # quick: the next test here, with tests/model/test_golden_inference.py
def test_stages_of_pytorch_equal_the_reference(
    untrained: Callable[[str], GridRCNN],
    golden: Callable[[str], Mapping[str, np.ndarray]],
    photo: Callable[[str], np.ndarray],
) -> None:
    model, reference = untrained("r50"), golden("infer_r50_coffee_small")

    trace = run_stages(TorchStages(model), Transform((512, 320))([photo("coffee")]))

    for found, expected in (
        (trace.proposals.boxes[0], reference["props"]),
        (trace.selected.boxes[0], reference["det0_boxes"]),
        (trace.detections.boxes[0], reference["final_norescale"][:, :4]),
    ):
        nearest = np.abs(expected[:, None] - found[None]).max(-1).min(1)
        assert (nearest > 1e-2).sum() <= 1  # ties
    np.testing.assert_allclose(trace.selected.scores[0][: len(reference["scores"])], reference["scores"], atol=2e-4)


def test_the_stages_together_are_the_detector(reference: Trace, trained: GridRCNN, batch: Batch) -> None:
    whole = TorchSession(trained, "cpu").run(batch.images, batch.image_sizes)

    for field in fields(RawDetections):
        np.testing.assert_array_equal(getattr(reference.detections, field.name), getattr(whole, field.name))


@pytest.mark.parametrize(
    ("rewrite", "open_subgraph"),
    [
        pytest.param(lambda _model: None, OnnxRuntimeSubgraph, id="as exported"),
        pytest.param(static_rows, OnnxRuntimeSubgraph, id="rows static"),
        pytest.param(lambda _model: None, OpenVinoSubgraph, id="as exported, by OpenVINO"),
    ],
)
def test_each_stage_of_a_graph_is_that_of_its_model(
    rewrite: Callable[[ModelProto], None],
    open_subgraph: OpenSubgraph,
    graph: ModelProto,
    batch: Batch,
    reference: Trace,
) -> None:
    model = ModelProto()
    model.CopyFrom(graph)
    rewrite(model)
    stages = GraphStages(model, open_subgraph, threads=1)

    forced = run_teacher_forced(stages, batch, run_stages(stages, batch), reference)

    maps, rows = map_errors(reference, forced), row_errors(reference, forced)
    assert {*maps, *rows} == {tensor for tensors in COMPARED.values() for tensor in tensors}
    assert max(maps.values()) < 1e-5
    assert all(share.of > 10 for share in rows.values())
    assert all(share.rows <= 0.01 * share.of for share in rows.values())


def test_a_swap_of_ranks_is_no_difference(torch_stages: TorchStages, batch: Batch, reference: Trace) -> None:
    """Run alone, all rows behind it would be different ones."""
    swapped = RankSwapped(torch_stages)
    own = run_stages(swapped, batch)

    trace = run_teacher_forced(swapped, batch, own, reference)

    alone = map_errors(reference, own)
    assert min(alone["class scores"], alone["heatmaps"]) > 0.01
    assert not np.array_equal(trace.proposals.boxes, reference.proposals.boxes)
    assert max(map_errors(reference, trace).values()) == 0
    assert {share.rows for share in row_errors(reference, trace).values()} == {0}


def test_with_teacher_forcing_features_are_its_own(torch_stages: TorchStages, batch: Batch, reference: Trace) -> None:
    """Only selections are the reference's: the effect of a broken pyramid on scores and heatmaps shows."""
    darker = Batch(batch.images // 2, batch.image_sizes, batch.scale_factors)
    errors = map_errors(reference, run_teacher_forced(torch_stages, batch, run_stages(torch_stages, darker), reference))

    assert errors["P2"] > 0.01
    assert errors["class scores"] > 0.01
    assert errors["heatmaps"] > 0.01


class RankSwapped:
    """A detector with the first two proposals, and the first two detections, the other way round."""

    def __init__(self, stages: TorchStages) -> None:
        self._stages = stages
        self.features, self.score = stages.features, stages.score
        self.heatmaps, self.locate = stages.heatmaps, stages.locate

    def propose(self, batch: Batch, features: Features) -> ProposalRows:
        rows = self._stages.propose(batch, features)
        return ProposalRows(swapped(rows.boxes), rows.used)

    def suppress(self, batch: Batch, proposals: ProposalRows, scores: np.ndarray) -> RawDetections:
        rows = self._stages.suppress(batch, proposals, scores)
        return RawDetections(swapped(rows.boxes), swapped(rows.scores), swapped(rows.labels))


def swapped(rows: np.ndarray) -> np.ndarray:
    return rows[:, [1, 0, *range(2, rows.shape[1])]]
