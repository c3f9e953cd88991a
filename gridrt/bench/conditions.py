"""The conditions of a bench."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from gridrt.bench.candidates import Candidate
from gridrt.bench.interleave import REST_SECONDS, WARM_UP
from gridrt.data.coco import CocoDataset
from gridrt.machine.conditions import machine


def conditions(
    dataset: CocoDataset, images_done: int, threads: int | None, least_runs: int, reference: Candidate
) -> dict[str, Any]:
    """Machine, images and method, ready for JSON.

    Args:
        dataset: the images.
        images_done: how many of them were measured.
        threads: CPU threads that were asked for.
        least_runs: how many were asked for of each candidate.
        reference: of the bench.
    """
    return {
        **machine(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "annotations": dataset.place,
        "annotations_sha256": dataset.sha256,
        "images": len(dataset),
        "images_done": images_done,
        "scale": list(reference.scale) if reference.scale else None,
        "scale_origin": reference.scale_origin if reference.scale else None,
        "batch": 1,
        "threads": threads,
        "order": "interleaved: each image by all candidates in rotating order, each in a process of its own",
        "warm_up": WARM_UP,
        "least_runs": least_runs,
        "rest_seconds": REST_SECONDS,
        "clock": "CUDA events where PyTorch runs on a GPU, else the wall clock",
        "session": "from the resized image to the boxes in it",
        "detector": "from the image file to the boxes in its own pixels",
    }
