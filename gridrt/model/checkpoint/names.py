"""Names of tensors, brought to today's: wrappers' prefixes, v1.x's names, and tensors that are not weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from gridrt.errors import CheckpointError
from gridrt.formatting import format_count, listed
from gridrt.model.checkpoint.layout import StateDict

PREPROCESSOR = "data_preprocessor."
"""Prefix of the buffers in which mmengine can keep the mean and std of pixels."""

# DataParallel and AveragedModel; Lightning, by its users' habit; and torch.compile, which can wrap any submodule.
_WRAPPER_PREFIXES = re.compile(r"^(?:(?:module|model|_orig_mod)\.)+|(?<=\.)_orig_mod\.")

_V1_CLASSIFIER = "bbox_head.fc_cls"
_V1_PREFIXES = ("bbox_head.", "grid_head.")


def with_current_names(state_dict: StateDict, place: Path) -> StateDict:
    """The weights under today's names: without the prefixes of wrappers, without averages, and upgraded from v1.x.

    mmcv 1.x keeps averages in buffers such as `ema_backbone_conv1_weight`, and torch's AveragedModel counts its updates
    in `n_averaged`. Both are left out, and a warning says so.

    Raises:
        CheckpointError: two names are the same without their prefixes.
    """
    plain: StateDict = {}
    for name, tensor in state_dict.items():
        short = _WRAPPER_PREFIXES.sub("", name)
        if short in plain:
            raise CheckpointError("names must differ without the prefixes of wrappers", place=place, value=name)
        plain[short] = tensor
    averages = [name for name in plain if name == "n_averaged" or (name.startswith("ema_") and "." not in name)]
    if averages:
        warnings.warn(
            f"{place}: left out {format_count(len(averages), 'tensor')} of averaging: {listed(averages, 2)}",
            stacklevel=3,
        )
    weights = {name: tensor for name, tensor in plain.items() if name not in set(averages)}
    return _from_v1(weights) if f"{_V1_CLASSIFIER}.weight" in weights else weights


def _from_v1(state_dict: StateDict) -> StateDict:
    """v1.x has no `roi_head.`, and the background is the first row of the classifier; today it is the last."""
    classifier = {name: tensor for name, tensor in state_dict.items() if name.startswith(_V1_CLASSIFIER)}
    upgraded = state_dict | {name: tensor.roll(-1, dims=0) for name, tensor in classifier.items()}
    return {f"roi_head.{name}" if name.startswith(_V1_PREFIXES) else name: tensor for name, tensor in upgraded.items()}


def unknown_prefix(found: Iterable[str], expected: Iterable[str]) -> str:
    """The prefix, such as `detector.`, that most of the `found` names have before an `expected` one; "" if none has."""
    wanted = set(expected)
    counts: dict[str, int] = {}
    for name in found:
        for dot in re.finditer(r"\.", name):
            if name[dot.end() :] in wanted:
                prefix = name[: dot.end()]
                counts[prefix] = counts.get(prefix, 0) + 1
    return max(counts, key=counts.__getitem__, default="")
