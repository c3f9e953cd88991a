"""The verbs that are killed, each on a few small images with a tiny model, and the files that they write."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrt.data.synthetic import write_split

IMAGES = 4


@dataclass(frozen=True)
class Verb:
    """A command, to be run in an empty folder beside `inputs`.

    Attributes:
        arguments: the verb and what follows it.
        outputs: what it has written when it ends by itself.
        again: added to go on after a kill.
    """

    arguments: Sequence[str]
    outputs: Sequence[str] = ()
    again: Sequence[str] = ()


_GRAPH, _SET = "../inputs/tiny.onnx", ("--images", "../inputs/val", "--annotations", "../inputs/instances_val.json")
_SMALL = ("--scale", "96", "64")

VERBS = {
    "inspect": Verb(("inspect", _GRAPH)),
    "doctor": Verb(("doctor",)),
    "detect": Verb(
        ("detect", "../inputs/val", "--model", _GRAPH, "--json", "found.json", *_SMALL),
        ("found.json", *(f"detections/{number:06}.png" for number in range(1, IMAGES + 1))),
    ),
    "evaluate": Verb(
        ("evaluate", _GRAPH, *_SET, "--json", "figures.json", "--results", "results.json", *_SMALL),
        ("figures.json", "results.json"),
        ("--resume",),
    ),
    "compare": Verb(
        ("compare", "tiny_synthetic", _GRAPH, "--images", "../inputs/val/000001.png", "--json", "compare.json"),
        ("compare.json",),
    ),
    "bench": Verb(
        ("bench", _GRAPH, *_SET, "--runs", "1", "--no-stages", "--json", "bench.json", "--html", "bench.html", *_SMALL),
        ("bench.json", "bench.html"),
    ),
    "calibrate": Verb(
        (
            *("calibrate", _GRAPH, "--images", "../inputs/val", "--json", "calibration.json", *_SMALL),
            *("--out", "int8.onnx", "--cache", "observed.npz"),
        ),
        ("int8.onnx", "calibration.json", "observed.npz"),
    ),
    "build-engine": Verb(
        ("build-engine", _GRAPH, "--out", "tiny.engine", "--runtime", "tensorrt-rtx", "--batch", "1", *_SMALL),
        ("tiny.engine", "tiny.engine.json"),
    ),
    "export": Verb(("export", "tiny_synthetic", "--out", "model.onnx", "--no-verify"), ("model.onnx",)),
    "train": Verb(
        ("train", *_SET, "--model", "tiny", "--schedule", "short", "--epochs", "2", "--workers", "1", *_SMALL),
        ("training/last.pth", "training/checkpoint.pth", "training/log.jsonl"),
        ("--resume",),
    ),
}


def write_inputs(folder: Path) -> None:
    """Images with annotations, and the graph of the weights that ship."""
    write_split(folder, "val", IMAGES)
    command = [sys.executable, "-m", "gridrt", "export", "tiny_synthetic", "--out", str(folder / "tiny.onnx")]
    subprocess.run([*command, "--no-verify"], check=True, stdout=subprocess.DEVNULL)
