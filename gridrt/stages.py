"""The stages of the detector, and which node of a graph belongs to which: stated here once, for every runtime.

A new stage is a name here, with its modules or custom op, a method of `GridRCNN` under `@stage`, its cost in
`gridrt/bench/roofline.py`, and a colour in `gridrt/report/bench_report/style.css`, whose number of colours
`stage_chart.py` beside it has. If compare and the search for numbers that are not finite are to name it, it is a field
of `Trace` in `gridrt/runtime/stage_runner.py`, with its place in `gridrt/runtime/non_finite.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Stage: TypeAlias = Literal[
    "input",  # normalisation, the mask of the padding
    "backbone",
    "fpn",
    "rpn",  # its convolutions
    "proposals",  # decode of the RPN's maps, suppression within each level
    "roi_align",  # for both heads
    "box_head",  # its layers, class scores
    "detections",  # suppression within each class
    "grid_head",  # its convolutions, and the up-sampling behind the fusion
    "grid_fusion",
    "decode",  # from heatmaps to boxes
    "other",  # only in timings: what belongs to no stage, so that the sum is that of a whole run
]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which they first run."""

MODULES: Mapping[str, Stage] = {
    "normalize": "input",
    "backbone": "backbone",
    "neck": "fpn",
    "rpn_head": "rpn",
    "roi_head.bbox_head": "box_head",
    "roi_head.grid_head": "grid_head",
}
"""By the names that `GridRCNN` gives its modules."""
CUSTOM_OPS: Mapping[str, Stage] = {
    "BatchedNms": "proposals",
    "BatchedNms_1": "detections",
    "MultiLevelRoiAlign": "roi_align",
    "MultiLevelRoiAlign_1": "roi_align",
    "GridFusion": "grid_fusion",
}
"""By the names of their nodes, which belong to no module."""
CONVERSIONS = frozenset(("Cast", "DequantizeLinear", "QuantizeLinear"))
"""Operators that pass a tensor on in another type: they belong to the stage of its producer."""

_MODULE = re.compile(rf"({'|'.join(map(re.escape, MODULES))})(?![^./])")
# ONNX Runtime puts `_inlfunc_BODY_` before the names in a body that it inlines. Longer names are tried first.
_CUSTOM_OP = re.compile(rf"(?:^|_inlfunc_)({'|'.join(sorted(CUSTOM_OPS, reverse=True))})(?=_|/|$)")
_BEHIND: Mapping[Stage, Stage] = {"rpn": "proposals", "grid_head": "decode", "grid_fusion": "decode"}


@dataclass(frozen=True)
class StageTimes:
    """Where the time of one run goes.

    Attributes:
        seconds: of every stage, in the order of `STAGES`; no time counts twice.
    """

    seconds: Mapping[Stage, float]

    @property
    def total(self) -> float:
        """Seconds of the whole run."""
        return sum(self.seconds.values())

    @property
    def shares(self) -> dict[Stage, float]:
        """The share of each stage in the whole run."""
        return {stage: seconds / self.total for stage, seconds in self.seconds.items()}


def times_of(parts: Iterable[tuple[Stage, float]]) -> StageTimes:
    """The sum over (stage, seconds) of single parts of a run."""
    seconds = dict.fromkeys(STAGES, 0.0)
    for stage, part in parts:
        seconds[stage] += part
    return StageTimes(seconds)


def median_run(runs: Sequence[StageTimes]) -> StageTimes:
    """The run whose total is the median: medians of single stages would not add up to a run."""
    return sorted(runs, key=lambda run: run.total)[(len(runs) - 1) // 2]


def stage_of_node(name: str) -> Stage | None:
    """The stage of a node of an exported graph by its name: its module's, or a custom op's; None if it names neither.

    `roi_head.grid_head.convs.0.conv/Conv` -> grid_head, `BatchedNms_1` -> detections, `Transpose_3` -> None
    """
    if module := _MODULE.match(name):
        return MODULES[module[1]]
    op = _CUSTOM_OP.search(name)
    return CUSTOM_OPS[op[1]] if op else None


def module_of_node(name: str, depth: int) -> str:
    """The module of a node down to `depth` names below that of its stage; its own module where that is not as deep.

    depth 1: `backbone.layer1.0.conv1/Conv` -> `backbone.layer1`, `roi_head.grid_head.convs.0.conv/Conv` ->
    `roi_head.grid_head.convs`
    """
    module = name.split("/", maxsplit=1)[0]
    stage_module = _MODULE.match(module)
    below = depth + (stage_module[1].count(".") + 1 if stage_module else 1)
    return ".".join(module.split(".")[:below])


def stage_behind(stage: Stage) -> Stage:
    """The stage of a node without a name of its own that consumes what `stage` produces."""
    return _BEHIND.get(stage, stage)
