"""Plugins in Python answer TensorRT as the contracts say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gridrt.errors import GridRTError
from gridrt.plugins.adapters import python_plugin
from gridrt.plugins.adapters.python_plugin import PluginLogic, register_python_plugins
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL
from tests.fake_tensorrt import Builder, Description, fake_tensorrt

ROI_ALIGN = {"output_size": 7, "strides": [4, 8, 16, 32]}
NMS = {"iou_threshold": 0.5, "score_threshold": 0.25, "max_output": 100}
BY_NAME = {kernel.contract.name: kernel for kernel in KERNELS}


def plugin(name: str, attributes: dict[str, Any]) -> PluginLogic:
    return PluginLogic(fake_tensorrt(), BY_NAME[name], attributes, {})


def pyramid(kind: str = "float32", form: str = "LINEAR", channels: int = 256) -> list[Description]:
    sides = ((200, 336), (100, 168), (50, 84), (25, 42))
    return [Description((2, channels, *side), kind, form) for side in sides]


def roi_align(
    features: list[Description], rois: Description | None = None, pooled: Description | None = None
) -> list[Description]:
    """The tensors of a node; the result is like the features unless stated."""
    first = features[0]
    rois = rois or Description((1000, 5))
    return [*features, rois, pooled or Description((1000, first.dims[1], 7, 7), first.type, first.format)]


def is_supported(tensors: list[Description], name: str = "MultiLevelRoiAlign") -> bool:
    """As TensorRT asks: tensor by tensor, each depending on those before it."""
    asked = plugin(name, ROI_ALIGN if name == "MultiLevelRoiAlign" else {})
    inputs = len(BY_NAME[name].contract.inputs)
    return all(asked.supports_format_combination(place, tensors, inputs) for place in range(len(tensors)))


def test_output_shapes_are_the_contracts() -> None:
    asked = plugin("MultiLevelRoiAlign", ROI_ALIGN)
    inputs = [tensor.dims for tensor in roi_align(pyramid())[:5]]
    assert asked.get_output_shapes(inputs, [], Builder()) == [[1000, 256, 7, 7]]
    asked = plugin("BatchedNms", NMS)
    inputs = [(2, 5000, 4), (2, 5000, 1), (5000,)]
    assert asked.get_output_shapes(inputs, [], Builder()) == [[2, 100, 4], [2, 100], [2, 100]]


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_features_go_out_in_the_precision_that_they_come_in(precision: str) -> None:
    asked = plugin("MultiLevelRoiAlign", ROI_ALIGN)
    assert asked.get_output_data_types([*[precision] * 4, "float32"]) == [precision]
    asked = plugin("BatchedNms", NMS)
    assert asked.get_output_data_types(["float32", "float32", "int32"]) == ["float32", "float32", "int32"]


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        (roi_align(pyramid("float32")), True),
        (roi_align(pyramid("float16")), True),
        (roi_align(pyramid("float16", "HWC8")), True),
        (roi_align(pyramid("float32", "HWC")), True),
        (roi_align(pyramid("float32", "HWC", channels=6)), False),
        (roi_align(pyramid("float16", "HWC8", channels=12)), False),
        (roi_align(pyramid("float16", "HWC")), False),
        (roi_align(pyramid("float16", "CHW32")), False),
        (roi_align(pyramid("int8")), False),
        (roi_align(pyramid("float16"), rois=Description((1000, 5), "float16")), False),
        (roi_align(pyramid("float32"), rois=Description((1000, 5), "float32", "HWC")), False),
        (roi_align([*pyramid("float32")[:3], pyramid("float16")[3]]), False),
        (roi_align([*pyramid("float32", "HWC")[:3], pyramid("float32")[3]]), False),
        (roi_align(pyramid("float16"), pooled=Description((1000, 256, 7, 7), "float32")), False),
    ],
)
def test_formats_are_those_of_one_variant(tensors: list[Description], *, expected: bool) -> None:
    assert is_supported(tensors) is expected


def test_registering_twice_keeps_the_first() -> None:
    trt = fake_tensorrt()
    register_python_plugins(trt, KERNELS)
    first = list(trt.get_plugin_registry().all_creators)
    register_python_plugins(trt, KERNELS)
    assert trt.get_plugin_registry().all_creators == first
    assert {creator.name for creator in first} == {"MultiLevelRoiAlign", "GridFusion", "BatchedNms"}


@pytest.mark.parametrize(
    ("name", "attributes"), [("MultiLevelRoiAlign", ROI_ALIGN), ("BatchedNms", NMS), ("GridFusion", {})]
)
def test_attributes_survive_an_engine(name: str, attributes: dict[str, Any]) -> None:
    trt = fake_tensorrt()
    register_python_plugins(trt, KERNELS)
    creator = next(entry for entry in trt.get_plugin_registry().all_creators if entry.name == name)
    written = plugin(name, attributes).get_fields_to_serialize()
    read = creator.create_plugin("node", written, "RUNTIME")
    again = {field.name: np.asarray(field.data).tolist() for field in read.clone().get_fields_to_serialize()}
    assert again == {key: value if isinstance(value, list) else [value] for key, value in attributes.items()}


def test_attributes_beyond_a_limit_make_no_node() -> None:
    trt = fake_tensorrt()
    register_python_plugins(trt, KERNELS)
    creator = next(entry for entry in trt.get_plugin_registry().all_creators if entry.name == "BatchedNms")
    fields = plugin("BatchedNms", {**NMS, "max_output": 5121}).get_fields_to_serialize()
    with pytest.raises(GridRTError, match=r"^BatchedNms: .*max_output.*5121"):
        creator.create_plugin("node", fields, "BUILD")


def test_shapes_beyond_a_limit_end_the_build() -> None:
    asked = plugin("GridFusion", {})
    shapes = GRID_FUSION_KERNEL.examples[0].shapes
    asked.configure_plugin([Description((-1, *shape[1:])) for shape in shapes.values()], [])
    with pytest.raises(GridRTError, match=r"^GridFusion: .*features .*\(9, 720, 7, 7\)"):
        asked.configure_plugin([Description(shape) for shape in {**shapes, "features": (9, 720, 7, 7)}.values()], [])


class Launches:
    """In the place of `CudaKernel`."""

    def __init__(self, kernel: Kernel, variant: Variant, attributes: object) -> None:
        self.made = (kernel, variant, attributes)
        self.seen: list[tuple[Any, ...]] = []

    def launch(self, *arguments: object) -> None:
        self.seen.append(arguments)


def test_enqueue_launches_the_variant_of_its_tensors_and_clones_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_plugin, "CudaKernel", Launches)
    loaded: dict[Variant, Any] = {}
    node = PluginLogic(fake_tensorrt(), MULTI_LEVEL_ROI_ALIGN_KERNEL, ROI_ALIGN, loaded)
    *inputs, output = roi_align(pyramid("float16", "HWC8"))
    for each in (node, node.attach_to_context(None)):
        each.enqueue(inputs, [output], [1, 2, 3, 4, 5], [6], 0, 7)
    ((variant, kernel),) = loaded.items()
    assert variant == Variant("float16", channels_last=True)
    assert kernel.made == (MULTI_LEVEL_ROI_ALIGN_KERNEL, variant, ROI_ALIGN)
    shapes = {"p2": (2, 256, 200, 336), "p3": (2, 256, 100, 168), "p4": (2, 256, 50, 84), "p5": (2, 256, 25, 42)}
    assert kernel.seen == [({**shapes, "rois": (1000, 5)}, [1, 2, 3, 4, 5], [6], 7)] * 2
