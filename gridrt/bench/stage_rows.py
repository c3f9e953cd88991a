"""Where the time of an artefact goes, beside the least that this machine could take, for the rows of a result."""

from __future__ import annotations

import torch

from gridrt.bench.artefact import Artefact
from gridrt.bench.floor import stage_floors
from gridrt.bench.result import StageRow
from gridrt.data.transform import Batch
from gridrt.model.presets import build
from gridrt.runtime.backend import Session

WARM_UP, RUNS = 1, 3


def stage_rows(artefact: Artefact, session: Session, batch: Batch, found: int, threads: int | None) -> list[StageRow]:
    """Time the stages in one image; none where the backend cannot tell them, or the variant is not known.

    Args:
        artefact: that is timed.
        session: of it.
        batch: of the one image.
        found: how many detections it has there: where shapes are open, the grid head runs on these alone.
        threads: CPU threads, from now on PyTorch's too, by which a CPU's peaks are measured; None leaves the choice to
            the runtime.

    Raises:
        GridRTError: as `Backend.stage_times`.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    backend, info = artefact.backend, session.info
    times = backend.stage_times(session, batch.images, batch.image_sizes, warm_up=WARM_UP, runs=RUNS)
    if times is None or info.variant is None:
        return []
    with torch.device("meta"):  # no memory, no numbers: only what it is made of
        model = build(info.variant, len(info.class_names))
    rows = model.roi_head.detections.max_detections if backend.static_shapes else max(found, 1)
    peaks = backend.peaks(session)
    if peaks is None:
        return [StageRow(name, seconds, None) for name, seconds in times.seconds.items()]
    proposals = model.rpn_head.proposals.max_proposals
    floors = stage_floors(
        info.variant, len(info.class_names), batch.images.shape, peaks, proposals=proposals, detections=rows
    )
    return [StageRow(name, seconds, floors[name].seconds or None) for name, seconds in times.seconds.items()]
