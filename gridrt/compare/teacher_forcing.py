"""Run a detector stage by stage with teacher forcing: B receives A's selections.

Where a detector selects, by rank or by a threshold, the last bit of a score decides, and all later stages work on other
rows. So each stage of B receives what A selected before it: its error is its own.
"""

from __future__ import annotations

import numpy as np

from gridrt.data.transform import Batch
from gridrt.runtime.stage_runner import StageRunner, Trace


def run_teacher_forced(stages: StageRunner, batch: Batch, own: Trace, reference: Trace) -> Trace:
    """All stages on one image, those behind a selection with the selections of the reference.

    Features are always its own: they come before any selection.

    Args:
        stages: of the detector that receives selections.
        batch: the image.
        own: its run alone.
        reference: the run alone of the detector whose selections it receives.
    """
    heatmaps = stages.heatmaps(batch, own.features, reference.selected)
    # A graph for TensorRT works on all rows, used or not: the rows behind those of the reference are zeros.
    missing = max(len(heatmaps) - len(reference.heatmaps), 0)
    padding = np.zeros((missing, *reference.heatmaps.shape[1:]), np.float32)
    in_its_rows = np.concatenate((reference.heatmaps, padding))[: len(heatmaps)]
    return Trace(
        features=own.features,
        proposals=stages.propose(batch, reference.features),
        scores=stages.score(batch, own.features, reference.proposals),
        selected=stages.suppress(batch, reference.proposals, reference.scores),
        heatmaps=heatmaps,
        detections=stages.locate(batch, reference.selected, in_its_rows),
    )
