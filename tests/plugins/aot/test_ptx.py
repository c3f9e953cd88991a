"""Kernels become PTX that later GPUs take, with the parameters that TensorRT passes."""

from __future__ import annotations

import re
import sys

import pytest

from gridrt.errors import DependencyError, GridRTError
from gridrt.plugins.aot.ptx import ptx_of
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES


@pytest.fixture
def nvrtc() -> None:
    """The real compiler."""
    bindings = pytest.importorskip("cuda.bindings.nvrtc", reason='cuda-bindings is missing: pip install "gridrt[trt]"')
    try:
        bindings.nvrtcVersion()
    except RuntimeError as error:
        pytest.skip(f"NVRTC is not installed: {error}")


@pytest.mark.usefixtures("nvrtc")
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.contract.name)
def test_the_entry_point_takes_inputs_scalars_and_outputs(kernel: Kernel) -> None:
    text = ptx_of(kernel, kernel.variants[-1], kernel.examples[0].attributes).decode()
    found = re.search(rf"\.target sm_80.*\.entry {kernel.symbol}\((.*?)\)", text, re.DOTALL)
    assert found is not None
    pointer, number = [".u64"], [".u32"]
    assert re.findall(r"\.param (\.\w+)", found[1]) == [
        *pointer * len(kernel.contract.inputs),
        *number * len(kernel.scalars),
        *pointer * len(kernel.contract.outputs),
    ]


@pytest.mark.usefixtures("nvrtc")
def test_a_kernel_that_does_not_compile_is_an_error_with_the_compilers_words() -> None:
    with pytest.raises(GridRTError, match=r"entry.cu: .*32 bins"):
        ptx_of(MULTI_LEVEL_ROI_ALIGN_KERNEL, Variant("float16"), {"output_size": 33, "strides": STRIDES})


def test_a_missing_compiler_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(DependencyError, match=r'NVRTC: .* missing .*pip install "gridrt\[trt\]"'):
        ptx_of(MULTI_LEVEL_ROI_ALIGN_KERNEL, Variant("float32"), {"output_size": 7, "strides": STRIDES})
