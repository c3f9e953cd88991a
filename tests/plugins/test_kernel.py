"""Kernels describe themselves as adapters and compilers need it."""

from __future__ import annotations

import re

import pytest

from gridrt.plugins.kernel import Kernel
from gridrt.plugins.kernels import ALL_KERNELS

for_each_kernel = pytest.mark.parametrize("kernel", ALL_KERNELS, ids=lambda kernel: kernel.symbol)


@for_each_kernel
def test_the_entry_point_takes_inputs_scalars_and_outputs(kernel: Kernel) -> None:
    text = kernel.entry.read_text()
    found = re.search(rf'extern "C" __global__ void [^;]*?{kernel.symbol}\((.*?)\)', text, re.DOTALL)
    assert found is not None
    parameters = [parameter.strip() for parameter in found[1].split(",")]
    contract, count = kernel.contract, len(kernel.contract.inputs)
    inputs, scalars, outputs = (
        parameters[:count],
        parameters[count : -len(contract.outputs)],
        parameters[-len(contract.outputs) :],
    )
    assert [parameter.split()[-1].lstrip("*") for parameter in inputs] == list(contract.inputs)
    assert all(parameter.startswith("const ") for parameter in inputs)
    assert [parameter.split()[0] for parameter in scalars] == ["int"] * len(kernel.scalars)
    assert [parameter.split()[-1].lstrip("*") for parameter in outputs] == list(contract.outputs)


@for_each_kernel
def test_examples_are_complete(kernel: Kernel) -> None:
    for example in kernel.examples:
        assert set(example.attributes) == set(kernel.contract.attributes)
        ranks = {tensor.name: tensor.rank for tensor in kernel.contract.input_tensors}
        assert {name: len(shape) for name, shape in example.shapes.items()} == ranks


@for_each_kernel
def test_every_precision_that_a_kernel_comes_in_has_a_tolerance(kernel: Kernel) -> None:
    assert {variant.feature_type for variant in kernel.variants} == set(kernel.contract.tolerances)


@for_each_kernel
def test_a_macro_is_one_word_that_every_compiler_takes(kernel: Kernel) -> None:
    for variant in kernel.variants:
        for example in kernel.examples:
            assert all(
                re.fullmatch(r"-D\w+=[\w.+-]+", define) for define in kernel.defines(variant, example.attributes)
            )


@for_each_kernel
def test_a_launch_fits_what_every_gpu_allows(kernel: Kernel) -> None:
    for variant in kernel.variants:
        for example in kernel.examples:
            launch = kernel.launch(variant, example.attributes)
            x, y, z = (size.value(example.shapes) for size in launch.grid)
            assert 1 <= x < 2**31
            assert 1 <= y < 2**16
            assert 1 <= z < 2**16
            assert launch.threads <= 1024
            assert launch.threads % 32 == 0
            assert launch.shared_memory.value(example.shapes) <= 99 * 1024


@for_each_kernel
def test_a_grid_has_a_block_also_where_there_are_no_rows(kernel: Kernel) -> None:
    for variant in kernel.variants:
        for example in kernel.examples:
            no_rows = {name: (0, *shape[1:]) for name, shape in example.shapes.items()}
            assert all(size.value(no_rows) >= 1 for size in kernel.launch(variant, example.attributes).grid)
