"""Run a detector stage by stage, alone, or with another as its teacher.

Where a detector selects, by rank or by a threshold, the last bit of a score decides, and all that follows is of other
rows. So each stage of the pupil is fed with what the teacher selected before it: its error is its own.
"""

from __future__ import annotations

import numpy as np

from gridrt.data.transform import Batch
from gridrt.runtime.stage_runner import StageRunner, Trace
from gridrt.types import Float32Array


def run(stages: StageRunner, batch: Batch) -> Trace:
    """All stages of one image, each fed by the one before."""
    features = stages.features(batch)
    proposals = stages.propose(batch, features)
    scores = stages.score(batch, features, proposals)
    selected = stages.suppress(batch, proposals, scores)
    heatmaps = stages.heatmaps(batch, features, selected)
    return Trace(features, proposals, scores, selected, heatmaps, stages.locate(batch, selected, heatmaps))


def run_as_pupil(stages: StageRunner, batch: Batch, own: Trace, teacher: Trace) -> Trace:
    """All stages of one image, those behind a selection fed with the teacher's.

    Features are always its own: they come before any selection.

    Args:
        stages: of the pupil.
        batch: the image.
        own: its run alone.
        teacher: the other's run alone.
    """
    heatmaps = stages.heatmaps(batch, own.features, teacher.selected)
    return Trace(
        features=own.features,
        proposals=stages.propose(batch, teacher.features),
        scores=stages.score(batch, own.features, teacher.proposals),
        selected=stages.suppress(batch, teacher.proposals, teacher.scores),
        heatmaps=heatmaps,
        detections=stages.locate(batch, teacher.selected, _in_rows(teacher.heatmaps, len(heatmaps))),
    )


def _in_rows(heatmaps: Float32Array, rows: int) -> Float32Array:
    """As many rows as the pupil works on: of a graph for TensorRT all, be they used or not."""
    padding = np.zeros((max(rows - len(heatmaps), 0), *heatmaps.shape[1:]), np.float32)
    return np.concatenate((heatmaps, padding))[:rows]
