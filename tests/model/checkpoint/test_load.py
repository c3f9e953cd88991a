"""A model from a file: whatever the layout, the same tensors, and the settings that the file states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import gridrt
from gridrt.classes import COCO_CLASSES
from gridrt.config import PixelConfig
from gridrt.errors import CheckpointError
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from tests.caffe_style import caffe_file

Weights = dict[str, Tensor]
NAMES = ("cat", "dog", "owl")


def as_v1(weights: Weights) -> Weights:
    """Undo what v2.0 changed."""
    old = {name.removeprefix("roi_head."): tensor for name, tensor in weights.items()}
    for name in ("bbox_head.fc_cls.weight", "bbox_head.fc_cls.bias"):
        old[name] = torch.cat((old[name][-1:], old[name][:-1]))
    return old


LAYOUTS: dict[str, Callable[[Weights], object]] = {
    "bare": lambda weights: weights,
    "published": lambda weights: {"meta": {"CLASSES": NAMES}, "state_dict": weights},
    "3.x": lambda weights: {"meta": {"dataset_meta": {"classes": NAMES}}, "state_dict": weights, "optimizer": {}},
    "parallel": lambda weights: {f"module.{name}": tensor for name, tensor in weights.items()},
    "v1": lambda weights: {"meta": {}, "state_dict": as_v1(weights)},
    "compiled": lambda weights: {"state_dict": {f"module._orig_mod.{name}": weights[name] for name in weights}},
    "lightning": lambda weights: {
        "pytorch-lightning_version": "2.2.0",
        "state_dict": {f"model.{name}": weights[name] for name in weights},
    },
    "model": lambda weights: {"model": weights, "optimizer": {}, "epoch": 3},
    "ema": lambda weights: {"ema": {"module": weights, "updates": 9}},
    "parallel v1": lambda weights: {f"module.{name}": tensor for name, tensor in as_v1(weights).items()},
    "float64": lambda weights: {name: tensor.double() for name, tensor in weights.items()},
    "channels last": lambda weights: {name: _channels_last(tensor) for name, tensor in weights.items()},
}


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def assert_holds(model: GridRCNN, weights: Weights) -> None:
    """The model has these weights, each as float32, contiguous, with memory of its own."""
    state_dict = model.state_dict()
    assert state_dict.keys() == weights.keys()
    for name, tensor in weights.items():
        assert torch.equal(state_dict[name], tensor), name
        assert state_dict[name].dtype == tensor.dtype
        assert state_dict[name].is_contiguous()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_tensors(tmp_path: Path, tiny_weights: Weights, layout: str) -> None:
    path = tmp_path / "w.pth"
    torch.save(LAYOUTS[layout](tiny_weights), path)

    model = load_model(path)

    assert_holds(model, tiny_weights)
    assert model.variant == "tiny"
    assert not model.training


def test_safetensors_give_the_same_tensors_and_names(tmp_path: Path, tiny_weights: Weights) -> None:
    save_file(tiny_weights, tmp_path / "w.safetensors", metadata={"classes": '["cat", "dog", "owl"]'})

    model = load_model(tmp_path / "w.safetensors")

    assert_holds(model, tiny_weights)
    assert model.class_names == NAMES


@pytest.mark.parametrize(("meta", "scale"), [({}, None), ({"gridrt_scale": [480, 360]}, (480, 360))])
def test_the_scale_is_the_file_s_where_it_notes_one(
    tmp_path: Path, tiny_weights: Weights, meta: dict[str, object], scale: tuple[int, int] | None
) -> None:
    torch.save({"meta": meta, "state_dict": tiny_weights}, tmp_path / "w.pth")

    assert load_model(tmp_path / "w.pth").scale == scale


def test_the_scale_of_a_published_file_is_known_by_its_name(tmp_path: Path, tiny_weights: Weights) -> None:
    path = tmp_path / "grid_rcnn_r101_fpn_gn-head_2x_coco_20200309-d6eca030.pth"
    torch.save(tiny_weights, path)

    assert load_model(path).scale == (1333, 800)


@pytest.mark.parametrize("scale", [480, (480,), (480, 0), (480.5, 360)])
def test_a_malformed_scale_is_refused(tmp_path: Path, tiny_weights: Weights, scale: object) -> None:
    torch.save({"meta": {"gridrt_scale": scale}, "state_dict": tiny_weights}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"w\.pth: `gridrt_scale`"):
        load_model(tmp_path / "w.pth")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32(tmp_path: Path, tiny_weights: Weights, dtype: torch.dtype) -> None:
    half = {name: tensor.to(dtype) for name, tensor in tiny_weights.items()}
    torch.save(half, tmp_path / "w.pth")

    assert_holds(load_model(tmp_path / "w.pth"), {name: tensor.float() for name, tensor in half.items()})


def test_a_loaded_model_detects_as_the_one_that_was_saved(tmp_path: Path, tiny_weights: Weights) -> None:
    original = build("tiny", num_classes=3).eval()
    original.load_state_dict(tiny_weights)
    torch.save(tiny_weights, tmp_path / "w.pth")
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (1, 96, 128, 3), generator=generator, dtype=torch.uint8)
    sizes = torch.tensor([[90, 128]], dtype=torch.int32)

    with torch.no_grad():
        expected, actual = original(images, sizes), load_model(tmp_path / "w.pth")(images, sizes)

    assert (expected.labels >= 0).any()
    for one, other in zip(expected, actual, strict=True):
        assert torch.equal(one, other)


def test_nothing_of_a_loaded_model_stays_on_the_meta_device(tmp_path: Path, tiny_weights: Weights) -> None:
    torch.save(tiny_weights, tmp_path / "w.pth")

    model = load_model(tmp_path / "w.pth")

    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"cpu"}


def test_a_full_size_file_without_step_counters_loads(tmp_path: Path) -> None:
    with torch.device("meta"):
        expected = build("r50").state_dict()
    # One number seen through every shape: the file is small.
    weights = {name: torch.ones(1).expand(like.shape) for name, like in expected.items() if "tracked" not in name}
    torch.save({"meta": {}, "state_dict": weights}, tmp_path / "r50.pth", _use_new_zipfile_serialization=False)

    model = load_model(tmp_path / "r50.pth")

    assert (model.variant, model.class_names) == ("r50", COCO_CLASSES)
    assert torch.equal(model.backbone.conv1.weight, torch.ones(64, 3, 7, 7))
    assert model.state_dict()["backbone.bn1.num_batches_tracked"].item() == 0


@pytest.mark.parametrize("layout", ["published", "3.x"])
def test_class_names_come_from_the_file(tmp_path: Path, tiny_weights: Weights, layout: str) -> None:
    torch.save(LAYOUTS[layout](tiny_weights), tmp_path / "w.pth")

    assert load_model(tmp_path / "w.pth").class_names == NAMES


def test_class_names_that_are_too_many_are_ignored_aloud(tmp_path: Path, tiny_weights: Weights) -> None:
    torch.save({"state_dict": tiny_weights, "meta": {"CLASSES": COCO_CLASSES}}, tmp_path / "w.pth")

    with pytest.warns(UserWarning, match=r"80 classes .* 3"):
        model = load_model(tmp_path / "w.pth")
    assert model.class_names == ("class 0", "class 1", "class 2")


def test_class_names_that_are_assumed_are_told(tmp_path: Path, tiny_weights: Weights) -> None:
    torch.save(tiny_weights, tmp_path / "w.pth")

    with pytest.warns(UserWarning, match=r"w\.pth: .*class 0, class 1, class 2"):
        load_model(tmp_path / "w.pth")


def test_class_names_that_are_given_come_before_those_of_the_file(
    tmp_path: Path, tiny_weights: Weights, recwarn: pytest.WarningsRecorder
) -> None:
    for content in (tiny_weights, LAYOUTS["published"](tiny_weights)):
        torch.save(content, tmp_path / "w.pth")
        assert load_model(tmp_path / "w.pth", class_names=["a", "b", "c"]).class_names == ("a", "b", "c")
    assert list(recwarn) == []


@pytest.mark.parametrize("names", [(), ("a", "b"), ("a", "b", "a"), ("a", "b", "c", "d")])
def test_class_names_that_do_not_fit_the_model_are_refused(
    tmp_path: Path, tiny_weights: Weights, names: tuple[str, ...]
) -> None:
    torch.save(tiny_weights, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=rf"3 .*found {len(names)} "):
        load_model(tmp_path / "w.pth", class_names=names)


def test_weights_that_fit_no_variant_are_refused_by_their_differences(tmp_path: Path, tiny_weights: Weights) -> None:
    del tiny_weights["neck.fpn_convs.0.conv.bias"]
    tiny_weights["roi_head.mask_head.conv.weight"] = torch.zeros(1)
    tiny_weights["backbone.bn1.weight"] = torch.zeros(64)
    torch.save(tiny_weights, tmp_path / "w.pth")

    with pytest.raises(CheckpointError) as refusal:
        load_model(tmp_path / "w.pth")
    assert str(refusal.value) == (
        f"{tmp_path / 'w.pth'}: weights must have the names and shapes of a Grid R-CNN or Faster R-CNN (found "
        "nearest is tiny with 3 classes, but 1 missing: neck.fpn_convs.0.conv.bias; "
        "1 unexpected: roi_head.mask_head.conv.weight; "
        "1 of another shape: backbone.bn1.weight [64] instead of [24])"
    )


def test_weights_under_an_unknown_prefix_are_refused_by_the_prefix(tmp_path: Path, tiny_weights: Weights) -> None:
    torch.save({f"detector.{name}": tensor for name, tensor in tiny_weights.items()}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"found .*`detector\.`"):
        load_model(tmp_path / "w.pth")


def test_a_second_copy_under_a_prefix_is_unexpected_and_no_prefix_of_the_weights(
    tmp_path: Path, tiny_weights: Weights
) -> None:
    torch.save(tiny_weights | {f"teacher.{name}": tiny_weights[name] for name in tiny_weights}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"302 .*teacher\.backbone"):
        load_model(tmp_path / "w.pth")


def test_a_checkpoint_for_other_pixels_runs_as_its_config_states(tmp_path: Path, tiny_weights: Weights) -> None:
    original = build("tiny", num_classes=3).eval()
    original.load_state_dict(tiny_weights)
    images = torch.randint(0, 256, (1, 96, 128, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    sizes = torch.tensor([[90, 120]], dtype=torch.int32)

    with pytest.warns(UserWarning, match=r"w\.pth: .*BGR .*480 x 360, detections\.max_detections 120"):
        model = load_model(caffe_file(tmp_path / "w.pth", tiny_weights, NAMES))
    with torch.no_grad():
        expected, actual = original(images, sizes), model(images, sizes)

    used = (expected.labels >= 0).sum()
    assert model.scale == (480, 360)
    assert actual.labels.shape == (1, 120)
    assert used > 0
    for one, other in zip(expected, actual, strict=True):
        assert torch.allclose(
            one[:, :used], other[:, :used], rtol=1e-4, atol=1e-2
        )  # a mean is subtracted before a product


def test_a_config_that_contradicts_the_model_is_refused_with_both_sides(tmp_path: Path, tiny_weights: Weights) -> None:
    config = "model = dict(rpn_head=dict(anchor_generator=dict(scales=[4])))"
    torch.save({"meta": {"cfg": config}, "state_dict": tiny_weights}, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"w\.pth: .*\[4\].*\[8\.0\]"):
        load_model(tmp_path / "w.pth")


def test_a_config_that_cannot_be_parsed_is_ignored_aloud(tmp_path: Path, tiny_weights: Weights) -> None:
    torch.save({"meta": {"config": "model = dict("}, "state_dict": tiny_weights}, tmp_path / "w.pth")

    with pytest.warns(UserWarning, match=r"w\.pth: .*config"):
        assert load_model(tmp_path / "w.pth").normalize.pixels == PixelConfig()


def test_buffers_of_a_data_preprocessor_are_settings_and_no_weights(tmp_path: Path, tiny_weights: Weights) -> None:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((103.53, 116.28, 123.675), (1.0, 1.0, 1.0)))
    buffers = {"data_preprocessor.mean": mean, "data_preprocessor.std": std}
    torch.save({"meta": {"CLASSES": NAMES}, "state_dict": buffers | tiny_weights}, tmp_path / "w.pth")

    with pytest.warns(UserWarning, match=r"w\.pth: .*BGR with mean"):
        model = load_model(tmp_path / "w.pth")
    assert model.normalize.pixels.order == "BGR"
    assert torch.equal(model.normalize.mean, mean)


@pytest.mark.parametrize("name", ["w.pt", "w.ckpt", "w.pth.tar", "w.bin", "w.safetensors", "weights", "w.onnx"])
def test_weights_open_under_any_name(tmp_path: Path, tiny_weights: Weights, name: str) -> None:
    torch.save({"state_dict": tiny_weights}, tmp_path / name)

    assert gridrt.open_detector(tmp_path / name, threads=1).class_names == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path, tiny_weights: Weights, bad: float) -> None:
    for name in ("backbone.conv1.weight", "neck.fpn_convs.0.conv.bias"):
        tiny_weights[name] = tiny_weights[name].clone()
        tiny_weights[name].view(-1)[-1] = bad
    torch.save(tiny_weights, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"2 tensors: backbone\.conv1\.weight, neck\.fpn_convs\.0\.conv\.bias"):
        load_model(tmp_path / "w.pth")


def test_finite_weights_whose_products_are_not_are_refused_by_name(tmp_path: Path, tiny_weights: Weights) -> None:
    tiny_weights["roi_head.bbox_head.fc_cls.bias"] = torch.full((4,), 3e38)
    torch.save(tiny_weights, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"1 .*bbox_head\.fc_cls"):
        load_model(tmp_path / "w.pth")


def test_weights_too_large_for_float32_are_refused(tmp_path: Path, tiny_weights: Weights) -> None:
    tiny_weights["backbone.bn1.bias"] = torch.full((24,), 1e300, dtype=torch.float64)
    torch.save(tiny_weights, tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"backbone\.bn1\.bias"):
        load_model(tmp_path / "w.pth")
