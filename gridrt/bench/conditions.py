"""Under which a bench was made."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from gridrt.bench.entry import Entry
from gridrt.bench.race import LEAST_RUNS, WARM_UP
from gridrt.bench.timing import REST_SECONDS
from gridrt.data.coco import CocoDataset
from gridrt.files import sha256_of
from gridrt.machine.conditions import machine


def conditions(dataset: CocoDataset, threads: int | None, reference: Entry) -> dict[str, Any]:
    """The machine, the pictures and the method, ready for JSON.

    Args:
        dataset: what was detected in.
        threads: CPU threads that were asked for.
        reference: of the bench.
    """
    opened = reference.opened
    return {
        **machine(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "annotations": dataset.place,
        "annotations_sha256": sha256_of(dataset.place),
        "images": len(dataset),
        "images_done": len(reference.detections),
        "scale": list(opened.scale) if opened else None,
        "scale_origin": opened.scale_origin if opened else None,
        "batch": 1,
        "threads": threads,
        "order": "image by image, each artefact in turn, in a process of its own",
        "warm_up": WARM_UP,
        "least_runs": LEAST_RUNS,
        "rest_seconds": REST_SECONDS,
        "clock": "CUDA events where PyTorch runs on a GPU, else the wall clock",
        "session": "from the resized image to the boxes in it",
        "detector": "from the picture file to the boxes in its own pixels",
    }
