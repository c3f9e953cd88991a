"""The stages of the detector, and what belongs to which: stated here once, for every runtime."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Stage: TypeAlias = Literal[
    "input",  # normalisation, the mask of the padding
    "backbone",
    "fpn",
    "rpn",  # its convolutions, and the decode of its proposals
    "nms",  # of proposals, and of classes
    "roi_align",  # of both heads
    "box_head",
    "grid_head",  # convolutions, fusion, up-sampling
    "decode",  # from what the heads say to the boxes: class scores, choice of rows, grid decode
    "other",  # all that belongs to none, so that the sum is that of a whole run
]
STAGES: tuple[Stage, ...] = get_args(Stage)

MODULES: Mapping[str, Stage] = {
    "normalize": "input",
    "backbone": "backbone",
    "neck": "fpn",
    "rpn_head": "rpn",
    "roi_head.bbox_head": "box_head",
    "roi_head.grid_head": "grid_head",
}
"""By the names that `GridRCNN` gives its parts."""
OPS: Mapping[str, Stage] = {"BatchedNms": "nms", "MultiLevelRoiAlign": "roi_align", "GridFusion": "grid_head"}
"""The custom ops of a graph, whose nodes are of no module."""

_MODULE = re.compile(rf"({'|'.join(map(re.escape, MODULES))})(?![^./])")
CONVERSIONS = frozenset(("Cast", "DequantizeLinear", "QuantizeLinear"))
"""Operators that hand a tensor on in another type: they belong to what made it."""

# Where ONNX Runtime inlines the body of an op, it puts this before the names in it.
_OP = re.compile(rf"(?:^|_inlfunc_)({'|'.join(OPS)})(?=_|/|$)")


@dataclass(frozen=True)
class StageTimes:
    """Where the time of one run goes.

    Attributes:
        seconds: of every stage, in the order of `STAGES`; each moment counts in one of them.
    """

    seconds: Mapping[Stage, float]

    @property
    def total(self) -> float:
        """Seconds of the whole run."""
        return sum(self.seconds.values())

    @property
    def shares(self) -> dict[Stage, float]:
        """Of each stage in the whole."""
        return {stage: seconds / self.total for stage, seconds in self.seconds.items()}


def times_of(parts: Iterable[tuple[Stage, float]]) -> StageTimes:
    """Add up what is told of single parts: (stage, seconds) each."""
    seconds = dict.fromkeys(STAGES, 0.0)
    for stage, part in parts:
        seconds[stage] += part
    return StageTimes(seconds)


def middle_run(runs: Sequence[StageTimes]) -> StageTimes:
    """The run whose total is in the middle: medians of single stages would not add up to a run."""
    return sorted(runs, key=lambda run: run.total)[(len(runs) - 1) // 2]


def stage_of_node(name: str) -> Stage | None:
    """The stage of a node by its name: its module's, or a custom op's; None for one that names neither.

    `roi_head.grid_head.convs.0.conv/Conv` -> grid_head, `BatchedNms_1` -> nms, `Transpose_3` -> None
    """
    if module := _MODULE.match(name):
        return MODULES[module[1]]
    op = _OP.search(name)
    return OPS[op[1]] if op else None


def stage_behind(stage: Stage) -> Stage:
    """The stage of a node without a name of its own that works on what `stage` makes.

    All of them are in functions that decode: behind the region proposal network up to its suppression, and behind the
    heads. So what follows a suppression or a pooling, too, is the decode's.
    """
    return stage if stage in {"input", "backbone", "fpn", "rpn", "other"} else "decode"
