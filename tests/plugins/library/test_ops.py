"""What the library states of an op in C++ is what its contract and kernel state in Python, and it launches the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gridrt.plugins.contract import Attributes
from gridrt.plugins.grid_fusion.contract import FEATURES, WEIGHTS
from gridrt.plugins.kernel import Kernel, Shapes, Variant
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.limits import first_broken
from gridrt.plugins.sizes import Size
from tests.plugins.host_kernel import Compiler, HostKernel
from tests.plugins.library.host_op import HostOp, LibraryKernel

# Attributes of each op besides those of its examples; small shapes that its kernel takes.
ATTRIBUTES: Mapping[str, tuple[Attributes, ...]] = {
    "MultiLevelRoiAlign": tuple({"output_size": bins, "strides": (6, 10, 14, 30)} for bins in (1, 8, 9, 16, 17, 32)),
    "BatchedNms": tuple(
        {"iou_threshold": 0.25, "score_threshold": 0.5, "max_output": rows} for rows in (1, 160, 161, 2560, 2561, 5120)
    ),
    "GridFusion": (),
}
EDGES = 24 * 64  # channels of all edges
SMALL: Mapping[str, tuple[Attributes, Shapes]] = {
    "MultiLevelRoiAlign": (
        {"output_size": 7, "strides": (4, 8, 16, 32)},
        {"p2": (2, 8, 40, 56), "p3": (2, 8, 20, 28), "p4": (2, 8, 10, 14), "p5": (2, 8, 5, 7), "rois": (6, 5)},
    ),
    "BatchedNms": (
        {"iou_threshold": 0.25, "score_threshold": 0.5, "max_output": 20},
        {"boxes": (2, 40, 4), "scores": (2, 40, 3), "groups": (40,)},
    ),
    "GridFusion": (
        {},
        {
            FEATURES.name: (2, 9 * 64, 7, 7),
            **{
                weight.name: shape
                for weight, shape in zip(
                    WEIGHTS, 2 * ((EDGES, 1, 5, 5), (EDGES,), (EDGES, 64, 1, 1), (EDGES,)), strict=True
                )
            },
        },
    ),
}


@pytest.fixture(scope="module", params=KERNELS, ids=lambda kernel: kernel.symbol)
def op(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HostOp:
    """Each op of the library."""
    return HostOp(request.param, tmp_path_factory.mktemp("op"))


def attributes_of(kernel: Kernel) -> list[Attributes]:
    """Nodes to try."""
    return [*(example.attributes for example in kernel.examples), *ATTRIBUTES[kernel.contract.name]]


def stated_in_python(kernel: Kernel, variant: Variant, attributes: Attributes, shapes: Shapes) -> list[str]:
    """What `HostOp.stated` is to give."""
    contract, launch = kernel.contract, kernel.launch(variant, attributes)
    shape_of = {tensor: numbers(tensor.shape(attributes), shapes) for tensor in contract.output_tensors}
    return [
        contract.name,
        f"half {int(any(other.feature_type == 'float16' for other in kernel.variants))}",
        f"channels last {int(any(other.channels_last for other in kernel.variants))}",
        *(f"input {tensor.dtype} map {int(tensor.is_map)} rank {tensor.rank}" for tensor in contract.input_tensors),
        *(f"output {tensor.dtype} map {int(tensor.is_map)} shape {shape}" for tensor, shape in shape_of.items()),
        *(f"attribute {constant.name} {constant.kind}" for constant in contract.node_constants),
        f"grid {numbers(launch.grid, shapes)}",
        f"threads {launch.threads}",
        f"shared memory {launch.shared_memory.value(shapes)}",
    ]


def numbers(sizes: Sequence[Size], shapes: Shapes) -> str:
    """They for these shapes, with spaces between."""
    return " ".join(str(size.value(shapes)) for size in sizes)


def test_the_library_states_what_contract_and_kernel_state(op: HostOp) -> None:
    inputs = op.kernel.contract.input_tensors
    sizes = {tensor.name: st.tuples(*[st.integers(0, 400)] * tensor.rank) for tensor in inputs}
    nodes, variants = st.sampled_from(attributes_of(op.kernel)), st.sampled_from(op.kernel.variants)

    @given(variants, nodes, st.fixed_dictionaries(sizes))
    def check(variant: Variant, attributes: Attributes, shapes: Shapes) -> None:
        assert op.stated(variant, attributes, shapes) == stated_in_python(op.kernel, variant, attributes, shapes)

    check()


def test_every_example_is_launched_alike(op: HostOp) -> None:
    for variant in op.kernel.variants:
        for example in op.kernel.examples:
            expected = stated_in_python(op.kernel, variant, example.attributes, example.shapes)
            assert op.stated(variant, example.attributes, example.shapes) == expected


def test_the_librarys_launch_gives_what_the_entry_point_gives(op: HostOp, compile_for_host: Compiler) -> None:
    attributes, shapes = SMALL[op.kernel.contract.name]
    inputs = [noise(name, shapes[name]) for name in op.kernel.contract.inputs]
    for variant in op.kernel.variants:
        expected = HostKernel(op.kernel, variant, attributes, compile_for_host)(*inputs)
        given_out = LibraryKernel(op, variant, attributes)(*inputs)
        for one, other in zip(given_out, expected, strict=True):
            assert one.any()
            assert torch.equal(one, other)


def noise(name: str, shape: Sequence[int]) -> Tensor:
    """An input: boxes in an image of 224 x 160 pixels, groups, and anything for the rest."""
    generator = torch.Generator().manual_seed(len(name))
    if name in {"rois", "boxes"}:
        corners = torch.rand((*shape[:-1], 2, 2), generator=generator).sort(-2).values * torch.tensor([224.0, 160.0])
        boxes = corners.flatten(-2)
        return torch.cat([torch.arange(shape[0])[:, None] % 2, boxes], 1) if name == "rois" else boxes
    if name == "groups":
        return torch.randint(0, 3, shape, generator=generator, dtype=torch.int32)
    values = torch.randn(shape, generator=generator)
    return values.sigmoid() if name == "scores" else values / 8


# Numbers about the limits of each attribute that is one.
ABOUT_LIMITS: Mapping[str, st.SearchStrategy[float]] = {
    "output_size": st.integers(-3, 40),
    "max_output": st.integers(-3, 9) | st.integers(5100, 5140),
    "iou_threshold": st.floats(-1, 1, width=32) | st.just(float("nan")),
}


def test_the_library_refuses_the_attributes_that_python_refuses_in_the_same_words(op: HostOp) -> None:
    example = op.kernel.examples[0].attributes
    tried = {name: numbers for name, numbers in ABOUT_LIMITS.items() if name in example}

    @given(st.fixed_dictionaries(tried))
    def check(numbers: Attributes) -> None:
        attributes = {**example, **numbers}
        assert op.problem(attributes) == broken(op.kernel, attributes)

    check()


def test_the_library_refuses_the_shapes_that_python_refuses_in_the_same_words(op: HostOp) -> None:
    inputs = op.kernel.contract.input_tensors
    sizes = {tensor.name: st.tuples(*[st.integers(-1, 400)] * tensor.rank) for tensor in inputs}
    if op.kernel.contract.name == "GridFusion":
        side, points = st.integers(-1, 9), st.integers(-1, 5).map(lambda count: 9 * 16 * count)
        near = st.tuples(st.just(-1), points | st.integers(-1, 9 * 80), side, side) | st.builds(
            lambda channels, side: (-1, channels, side, side), points, side
        )
        sizes[FEATURES.name] = near

    @given(st.fixed_dictionaries(sizes))
    @settings(max_examples=500)
    def check(shapes: Shapes) -> None:
        assert op.shape_problem(shapes) == broken(op.kernel, shapes)

    check()


def broken(kernel: Kernel, values: Mapping[str, object]) -> str:
    """The first limit that values do not keep, in words."""
    return str(first_broken(kernel.limits, values) or "")


REFUSED: Mapping[str, tuple[Attributes, ...]] = {
    "MultiLevelRoiAlign": tuple({"output_size": bins, "strides": (4, 8, 16, 32)} for bins in (-1, 0, 33)),
    "BatchedNms": (
        {"iou_threshold": -0.1, "score_threshold": 0.0, "max_output": 9},
        {"iou_threshold": 0.5, "score_threshold": 0.0, "max_output": 0},
        {"iou_threshold": 0.5, "score_threshold": 0.0, "max_output": 5121},
    ),
    "GridFusion": (),
}


def test_attributes_that_no_kernel_takes_are_a_problem(op: HostOp) -> None:
    assert not any(op.problem(attributes) for attributes in attributes_of(op.kernel))
    assert all(op.problem(attributes) for attributes in REFUSED[op.kernel.contract.name])


def test_shapes_that_no_kernel_takes_are_a_problem(op: HostOp) -> None:
    unknown_rows = [
        {name: (-1, *shape[1:]) for name, shape in example.shapes.items()} for example in op.kernel.examples
    ]
    assert not any(op.shape_problem(shapes) for shapes in unknown_rows)
    if op.kernel.contract.name == "GridFusion":
        for features in ((1, 9 * 80, 7, 7), (1, 9 * 24, 7, 7), (1, 577, 7, 7), (1, 576, 8, 8), (1, 576, 7, 6)):
            assert op.shape_problem({**unknown_rows[0], FEATURES.name: features})
