"""What a config of mmdetection 1.x to 3.x states about inference, and where it contradicts a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from gridrt.config import PixelConfig, scale_in
from gridrt.model.box_regression import DELTA_STDS
from gridrt.model.box_roi_head import BoxRoIHead
from gridrt.model.checkpoint.config_text import UNKNOWN
from gridrt.model.checkpoint.settings import Settings, class_names, pixel_config
from gridrt.model.grid_rcnn import GridRCNN

Config: TypeAlias = Mapping[str, Any]

# Field of our dataclasses -> where the versions of mmdetection have it, below test_cfg.rpn and test_cfg.rcnn.
_PROPOSALS = {
    "candidates_per_level": ("nms_pre",),
    "iou_threshold": ("nms.iou_threshold", "nms.iou_thr", "nms_thr"),
    "max_proposals": ("max_per_img", "max_num"),
}
_DETECTIONS = {
    "score_threshold": ("score_thr",),
    "iou_threshold": ("nms.iou_threshold", "nms.iou_thr"),
    "max_detections": ("max_per_img",),
}
_CLASS_NAMES = ("test_dataloader.dataset.metainfo.classes", "metainfo.classes", "data.test.classes", "classes")
_PIPELINES = ("test_dataloader.dataset.pipeline", "data.test.pipeline", "test_pipeline")


def settings_in_config(config: Config, place: Path) -> Settings:
    """What the config states about inference.

    Raises:
        CheckpointError: its mean or std of pixels is not one number per channel.
    """
    return Settings(
        pixels=_pixels(config, place),
        class_names=class_names(_get(config, *_CLASS_NAMES)),
        scale=_scale(config),
        proposals=_limits(_section(config, "model.test_cfg.rpn", "test_cfg.rpn"), _PROPOSALS),
        detections=_limits(_section(config, "model.test_cfg.rcnn", "test_cfg.rcnn"), _DETECTIONS),
    )


def _pixels(config: Config, place: Path) -> PixelConfig | None:
    # Images are decoded as BGR, so a flip gives RGB. 3.x normalises in the model, earlier versions in the pipeline.
    stated = _section(config, "model.data_preprocessor", "data_preprocessor")
    flags, by_default = ["bgr_to_rgb", "rgb_to_bgr"], False
    if _get(stated, "mean") is None:
        steps = [step for step in _test_steps(config) if step.get("type") == "Normalize"]
        stated = (*steps, _section(config, "img_norm_cfg"))[0]
        flags, by_default = ["to_rgb"], True
    mean, std, flips = _get(stated, "mean"), _get(stated, "std"), [stated.get(flag, by_default) for flag in flags]
    if mean is None or std is None or UNKNOWN in flips:
        return None
    return pixel_config(mean, std, "RGB" if any(flips) else "BGR", place)


def _scale(config: Config) -> tuple[int, int] | None:
    """The one scale of the test pipeline; None where there is none, or several."""
    found = set()
    for step in _test_steps(config):
        for scale in (_get(step, "scale"), _get(step, "img_scale")):
            several = scale if isinstance(scale, list) and not scale_in(scale) else [scale]
            found |= {tuple(sorted(usable, reverse=True)) for each in several if (usable := scale_in(each))}
    return scale_in(found.pop()) if len(found) == 1 else None


def _limits(stated: Config, names: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """Thresholds in 0..1 and counts above 0; others, such as -1 for no limit, count as not stated."""
    limits: dict[str, float] = {}
    for name, paths in names.items():
        value = _get(stated, *paths)
        if name.endswith("threshold") and isinstance(value, (int, float)) and 0 <= value <= 1:
            limits[name] = float(value)
        elif not name.endswith("threshold") and isinstance(value, int) and value > 0:
            limits[name] = value
    return limits


def contradictions(config: Config, model: GridRCNN) -> Iterator[str]:
    """What the config states otherwise than `model` is built: such as `anchor scales [4], but [8.0] in r50`."""
    for name, stated, built in _facts(config, model):
        if stated is not None and _comparable(stated) != _comparable(built):
            yield f"{name} {stated}, but {built} in {model.variant}"


def _facts(config: Config, model: GridRCNN) -> Iterator[tuple[str, object, object]]:
    """Name, what the config states (None: nothing), what the model has."""
    anchors = model.rpn_head.anchors
    rpn, generator = "model.rpn_head", "model.rpn_head.anchor_generator"
    yield "anchor generator", _get(config, f"{generator}.type"), "AnchorGenerator"
    yield "anchor scales", _get(config, f"{generator}.scales", f"{rpn}.anchor_scales"), [anchors.scale]
    yield "anchor octave base scale", _get(config, f"{generator}.octave_base_scale"), anchors.scale
    yield "anchor scales per octave", _get(config, f"{generator}.scales_per_octave"), 1
    yield "anchor ratios", _get(config, f"{generator}.ratios", f"{rpn}.anchor_ratios"), list(anchors.ratios)
    yield "anchor strides", _get(config, f"{generator}.strides", f"{rpn}.anchor_strides"), list(anchors.strides)
    yield "anchor base sizes", _get(config, f"{generator}.base_sizes"), list(anchors.strides)
    yield "anchor centre offset", _get(config, f"{generator}.center_offset"), 0
    yield "RPN delta means", _get(config, f"{rpn}.bbox_coder.target_means", f"{rpn}.target_means"), [0.0] * 4
    yield "RPN delta stds", _get(config, f"{rpn}.bbox_coder.target_stds", f"{rpn}.target_stds"), [1.0] * 4
    if isinstance(model.roi_head, BoxRoIHead):
        yield "box delta stds", _get(config, "model.roi_head.bbox_head.bbox_coder.target_stds"), list(DELTA_STDS)
    extractor = "model.roi_head.bbox_roi_extractor"
    yield "RoI strides", _get(config, f"{extractor}.featmap_strides"), list(model.roi_head.rois.strides)
    yield "RoI sampling ratio", _get(config, f"{extractor}.roi_layer.sampling_ratio"), 0
    for nms in ("model.test_cfg.rcnn.nms", "test_cfg.rcnn.nms"):
        yield "suppression", _get(config, f"{nms}.type"), "nms"
        yield "suppression across classes", _get(config, f"{nms}.class_agnostic"), False
    if model.variant not in {"tiny", "faster_tiny"}:  # which are not mmdetection's, and have one style
        yield "backbone style", _get(config, "model.backbone.style"), "pytorch"  # strides in the 3x3 convolutions
    for step in _test_steps(config):
        yield "keep_ratio", _get(step, "keep_ratio"), True


def _comparable(value: object) -> object:
    """Lists as tuples, and in them a pair of equal numbers, such as a stride (4, 4), as one number."""
    if not isinstance(value, (list, tuple)):
        return value
    return tuple(each[0] if isinstance(each, (list, tuple)) and each[:1] == each[1:] else each for each in value)


def _test_steps(config: Config) -> list[Config]:
    """The steps of the test pipeline, and those inside them."""
    pipeline = _get(config, *_PIPELINES)
    steps = [step for step in pipeline if isinstance(step, Mapping)] if isinstance(pipeline, (list, tuple)) else []
    lists = [inner for step in steps if isinstance(inner := step.get("transforms"), list)]
    return [*steps, *(each for inner in lists for each in inner if isinstance(each, Mapping))]


def _section(config: Config, *paths: str) -> Config:
    value = _get(config, *paths)
    return value if isinstance(value, Mapping) else {}


def _get(config: Config, *paths: str) -> Any:  # noqa: ANN401 - any literal
    """The value under the first dotted path that leads to a literal; None where none does."""
    for path in paths:
        value: Any = config
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None and value is not UNKNOWN and not (isinstance(value, (list, tuple)) and _open(value)):
            return value
    return None


def _open(values: list[Any] | tuple[Any, ...]) -> bool:
    return any(value is UNKNOWN or (isinstance(value, (list, tuple)) and _open(value)) for value in values)
