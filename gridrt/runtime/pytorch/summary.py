"""What a weights file holds: also one that fits no model, to see why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from gridrt.files import sha256_of
from gridrt.formatting import format_noted_scale
from gridrt.model.checkpoint import WeightsFile, read_weights
from gridrt.model.checkpoint.fit import nearest_model
from gridrt.model.checkpoint.layout import Meta
from gridrt.model.checkpoint.listing import listed

_VERSIONS = ("mmdet_version", "mmengine_version", "mmcv_version", "gridrt_version")
_TOLD_META = (*_VERSIONS, "epoch", "iter", "time")
_STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")


@dataclass(frozen=True)
class CheckpointSummary:
    """Facts about a weights file.

    Attributes:
        variant: the preset that it fits, or None.
        misfit: how it differs from the nearest preset, or "".
        class_count: by the classifier's rows; the nearest preset's if there is no classifier.
        class_names: those in the file, or None.
        scale: most pixels on the long and on the short side of the images that it learned from; None if not known.
        parameters: how many numbers, without BatchNorm's statistics.
        dtypes: how many tensors of each.
        meta: versions and progress of the training that wrote it, where they are noted.
    """

    file: str
    size_bytes: int
    sha256: str
    format: str
    variant: str | None
    misfit: str
    class_count: int
    class_names: tuple[str, ...] | None
    scale: tuple[int, int] | None
    parameters: int
    dtypes: Mapping[str, int]
    meta: Mapping[str, object]

    def lines(self) -> list[str]:
        """For people: one fact per line."""
        return [
            f"{self.file}: weights ({self.format}), {self.size_bytes:,} bytes",
            f"variant     {self.variant or f'none: {self.misfit}'}",
            f"classes     {self.class_count}: {self._names()}",
            f"scale       {format_noted_scale(self.scale)}",
            f"parameters  {self.parameters:,}",
            f"tensors     {', '.join(f'{count} {dtype}' for dtype, count in self.dtypes.items())}",
            f"sha256      {self.sha256}",
            *(f"{key}: {value}" for key, value in self.meta.items()),
        ]

    def _names(self) -> str:
        return "no names in the file" if self.class_names is None else listed(self.class_names)


def checkpoint_summary(path: Path, *, trust_checkpoint: bool = False) -> CheckpointSummary:
    """Read the weights at `path` and tell what they are.

    Raises:
        CheckpointError: they cannot be read, or not without trust.
    """
    weights = read_weights(path, trust_checkpoint=trust_checkpoint)
    nearest, misfit = nearest_model(weights.state_dict)
    return CheckpointSummary(
        file=str(path),
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        format=weights.format,
        variant=None if misfit else nearest.variant,
        misfit=f"nearest is {nearest.variant}, but {misfit}" if misfit else "",
        class_count=len(nearest.class_names),
        class_names=weights.class_names,
        scale=weights.scale,
        parameters=_parameter_count(weights),
        dtypes=dict(Counter(_dtype(tensor) for tensor in weights.state_dict.values())),
        meta=_told(weights.meta),
    )


def _parameter_count(weights: WeightsFile) -> int:
    return sum(tensor.numel() for name, tensor in weights.state_dict.items() if not name.endswith(_STATISTICS))


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _told(meta: Meta) -> dict[str, object]:
    return {key: meta[key] for key in _TOLD_META if isinstance(meta.get(key), (str, int, float, tuple))}
