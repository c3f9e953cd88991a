"""What a weights file holds, also where it fits no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridrt.config import PixelConfig
from gridrt.errors import CheckpointError
from gridrt.formatting import format_noted_scale, format_thresholds, listed
from gridrt.model.checkpoint import read_weights
from gridrt.model.checkpoint.fit import nearest_model
from gridrt.model.checkpoint.mmdet_config import contradictions
from gridrt.model.checkpoint.stated import format_pixels, stated_settings
from gridrt.model.shards import weights_files
from gridrt.unchanged import sha256_of_all, unchanged

_VERSIONS = ("mmdet_version", "mmengine_version", "mmcv_version", "gridrt_version")
_META = (*_VERSIONS, "epoch", "iter", "time")
_STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")


@dataclass(frozen=True)
class CheckpointSummary:
    """Facts about a weights file.

    Attributes:
        file: the path; where the weights are in shards, the path of their index.
        variant: the preset that it fits, or None.
        misfit: how it differs from the nearest preset, or "".
        contradictions: how its config differs from that preset.
        class_count: of the classifier; 80 without a classifier.
        class_names: those in the file, or None.
        scale: most pixels on the long and on the short side of the training images; None if not known.
        pixels: normalisation of the input, or None if the file does not state it.
        detections: thresholds and limits that the file states, by their names in `DetectionConfig`.
        parameters: how many numbers, without BatchNorm's statistics.
        dtypes: number of tensors by dtype.
        meta: versions and progress of the training, as far as the file states them.
    """

    file: str
    size_bytes: int
    sha256: str
    format: str
    variant: str | None
    misfit: str
    contradictions: tuple[str, ...]
    class_count: int
    class_names: tuple[str, ...] | None
    scale: tuple[int, int] | None
    pixels: PixelConfig | None
    detections: Mapping[str, float]
    parameters: int
    dtypes: Mapping[str, int]
    meta: Mapping[str, object]

    def lines(self) -> list[str]:
        """For people: one fact per line."""
        names = "no names in the file" if self.class_names is None else listed(self.class_names)
        pixels = "RGB of ImageNet, assumed" if self.pixels is None else format_pixels(self.pixels)
        dtypes = ", ".join(f"{count} {dtype}" for dtype, count in self.dtypes.items())
        return [
            f"{self.file}: weights ({self.format}), {self.size_bytes:,} bytes",
            f"variant     {self.variant or f'none: {self.misfit}'}",
            *(f"config      contradicts the model: {difference}" for difference in self.contradictions),
            f"classes     {self.class_count}: {names}",
            f"scale       {format_noted_scale(self.scale)}",
            f"pixels      {pixels}",
            *([f"detections  {format_thresholds(self.detections)}"] if self.detections else []),
            f"parameters  {self.parameters:,}",
            f"tensors     {dtypes}",
            f"sha256      {self.sha256}",
            *(f"{key}: {value}" for key, value in self.meta.items()),
        ]


def checkpoint_summary(path: Path, *, trust_checkpoint: bool = False) -> CheckpointSummary:
    """Read the weights at `path` and describe them.

    Raises:
        CheckpointError: they cannot be read, or not without trust.
    """
    files = weights_files(path)
    with unchanged(files, CheckpointError):
        sha256 = sha256_of_all(files)
        weights = read_weights(path, trust_checkpoint=trust_checkpoint)
    nearest, misfit = nearest_model(weights.state_dict, weights.path)
    settings = stated_settings(weights)
    parameters = (tensor for name, tensor in weights.state_dict.items() if not name.endswith(_STATISTICS))
    return CheckpointSummary(
        file=str(weights.path),
        size_bytes=sum(file.stat().st_size for file in files),
        sha256=sha256,
        format=weights.format,
        variant=None if misfit else nearest.variant,
        misfit=f"nearest is {nearest.variant}, but {misfit}" if misfit else "",
        contradictions=tuple(contradictions(weights.config, nearest)),
        class_count=len(nearest.class_names),
        class_names=settings.class_names,
        scale=settings.scale,
        pixels=settings.pixels,
        detections=settings.detections,
        parameters=sum(tensor.numel() for tensor in parameters),
        dtypes=dict(Counter(str(tensor.dtype).removeprefix("torch.") for tensor in weights.state_dict.values())),
        meta={key: weights.meta[key] for key in _META if isinstance(weights.meta.get(key), (str, int, float, tuple))},
    )
