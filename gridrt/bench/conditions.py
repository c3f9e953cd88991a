"""The conditions of a bench."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from gridrt.bench.candidates import Candidate
from gridrt.bench.interleave import LEAST_RUNS, REST_SECONDS, WARM_UP
from gridrt.data.coco import CocoDataset
from gridrt.files import sha256_of
from gridrt.machine.conditions import machine


def conditions(dataset: CocoDataset, threads: int | None, reference: Candidate) -> dict[str, Any]:
    """Machine, images and method, ready for JSON.

    Args:
        dataset: the images.
        threads: CPU threads that were asked for.
        reference: of the bench.
    """
    description = reference.description
    return {
        **machine(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "annotations": dataset.place,
        "annotations_sha256": sha256_of(dataset.place),
        "images": len(dataset),
        "images_done": len(reference.detections),
        "scale": list(description.scale) if description else None,
        "scale_origin": description.scale_origin if description else None,
        "batch": 1,
        "threads": threads,
        "order": "interleaved: each image by all candidates in rotating order, each in a process of its own",
        "warm_up": WARM_UP,
        "least_runs": LEAST_RUNS,
        "rest_seconds": REST_SECONDS,
        "clock": "CUDA events where PyTorch runs on a GPU, else the wall clock",
        "session": "from the resized image to the boxes in it",
        "detector": "from the image file to the boxes in its own pixels",
    }
