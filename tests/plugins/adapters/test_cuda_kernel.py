"""Kernels are compiled by NVRTC, and launched as their descriptions say; what is missing is named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gridrt.errors import DependencyError, GridRTError
from gridrt.plugins.adapters.cuda_kernel import CudaKernel, compiled, cuda_core
from gridrt.plugins.kernel import Kernel, Launch, Variant
from gridrt.plugins.kernels import ALL_KERNELS
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL
from gridrt.plugins.sizes import as_size

ROI_ALIGN = MULTI_LEVEL_ROI_ALIGN_KERNEL.examples[0]
HALF = Variant("float16")


@pytest.fixture
def nvrtc() -> None:
    """The real compiler."""
    core = pytest.importorskip("cuda.core", reason='cuda-core is not installed: pip install ".[cuda]"')
    try:
        core.Program("", "c++", core.ProgramOptions(arch="sm_80"))
    except RuntimeError as error:
        pytest.skip(f"NVRTC is not installed: {error}")


@pytest.mark.usefixtures("nvrtc")
@pytest.mark.parametrize(
    ("architecture", "examples"),
    [("sm_80", 1), *(pytest.param(each, None, marks=pytest.mark.slow) for each in ("sm_80", "sm_120"))],
)
@pytest.mark.parametrize("kernel", ALL_KERNELS, ids=lambda kernel: kernel.contract.name)
def test_every_variant_compiles_without_any_header_but_ours(
    kernel: Kernel, architecture: str, examples: int | None
) -> None:
    for variant in kernel.variants:
        for example in kernel.examples[:examples]:
            code = bytes(compiled(kernel, variant, example.attributes, architecture).code)
            assert kernel.symbol.encode() in code


@pytest.mark.usefixtures("nvrtc")
def test_a_kernel_that_does_not_compile_is_an_error_with_the_compilers_words() -> None:
    too_large = {**ROI_ALIGN.attributes, "output_size": 33}
    with pytest.raises(GridRTError, match="at most 32 bins per side"):
        compiled(MULTI_LEVEL_ROI_ALIGN_KERNEL, HALF, too_large, "sm_90")


@pytest.mark.usefixtures("nvrtc")
def test_a_virtual_architecture_is_an_error_and_not_code_of_no_bytes() -> None:
    with pytest.raises(GridRTError) as caught:
        compiled(MULTI_LEVEL_ROI_ALIGN_KERNEL, HALF, ROI_ALIGN.attributes, "compute_90")
    assert caught.value.place == MULTI_LEVEL_ROI_ALIGN_KERNEL.entry
    assert "compute_90" in str(caught.value.value)


def test_without_cuda_core_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda", None)
    with pytest.raises(DependencyError, match=r"^cuda-core: .*gridrt\[cuda\]"):
        cuda_core()


def test_a_cuda_core_of_before_version_1_is_told_and_not_an_attribute_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It imports: what is missing in it is all that it is for."""
    monkeypatch.setitem(sys.modules, "cuda", SimpleNamespace(core=SimpleNamespace(experimental=object())))
    with pytest.raises(DependencyError, match=r"^cuda-core: .*before 1.*gridrt\[cuda\]"):
        cuda_core()


class FakeCuda(ModuleType):
    """`cuda.core` and `cuda.bindings` of a GPU with compute capability 8.9."""

    def __init__(self) -> None:
        super().__init__("cuda")
        self.launched: list[tuple[Any, ...]] = []
        self.code = b"machine code"
        self.compiled: list[dict[str, Any]] = []
        self.shared_memory: list[int] = []
        self.core: Any = SimpleNamespace(
            Device=lambda: SimpleNamespace(device_id=0, compute_capability=SimpleNamespace(major=8, minor=9)),
            ProgramOptions=lambda **options: self.compiled.append(options),
            Program=lambda *_arguments: self,
            LaunchConfig=SimpleNamespace,
            Stream=SimpleNamespace(from_handle=lambda handle: ("stream", handle)),
            launch=lambda *arguments: self.launched.append(arguments),
        )
        self.bindings: Any = SimpleNamespace(driver=self)
        self.carve_outs: list[int] = []
        self.CUfunction_attribute = SimpleNamespace(
            CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES="dynamic",
            CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT="carve-out",
        )
        self.CUresult = SimpleNamespace(CUDA_SUCCESS=0)

    def compile(self, target: str) -> FakeCuda:
        assert target == "cubin"
        return self

    def get_kernel(self, symbol: str) -> Any:  # noqa: ANN401 - a handle
        return SimpleNamespace(handle=symbol)

    def cuKernelSetAttribute(self, which: str, size: int, kernel: str, device: int) -> tuple[int]:  # noqa: N802 - CUDA's name
        assert (kernel, device) == ("gridrt_multi_level_roi_align", 0)
        (self.shared_memory if which == "dynamic" else self.carve_outs).append(size)
        return (0,)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    for name, module in {"cuda": fake, "cuda.core": fake.core, "cuda.bindings": fake.bindings}.items():
        monkeypatch.setitem(sys.modules, name, module)
    return fake


def test_without_nvrtc_the_error_names_it(cuda: FakeCuda) -> None:
    def no_library(*_arguments: object) -> None:
        raise RuntimeError("Failure finding libnvrtc.so")

    cuda.core.Program = no_library
    with pytest.raises(DependencyError, match=r"^nvidia-cuda-nvrtc: "):
        CudaKernel(MULTI_LEVEL_ROI_ALIGN_KERNEL, HALF, ROI_ALIGN.attributes)


def test_it_is_compiled_for_the_gpu_at_hand(cuda: FakeCuda) -> None:
    CudaKernel(MULTI_LEVEL_ROI_ALIGN_KERNEL, HALF, ROI_ALIGN.attributes)
    (options,) = cuda.compiled
    assert options["arch"] == "sm_89"
    macros = dict(options["define_macro"])
    assert (macros["GRIDRT_HALF"], macros["GRIDRT_OUTPUT_SIZE"], macros["GRIDRT_STRIDE_P5"]) == ("1", "7", "32")


def test_a_launch_has_pointers_scalars_and_geometry_of_its_shapes(cuda: FakeCuda) -> None:
    kernel = CudaKernel(MULTI_LEVEL_ROI_ALIGN_KERNEL, HALF, ROI_ALIGN.attributes)
    kernel.launch(ROI_ALIGN.shapes, [1, 2, 3, 4, 5], [6], 7)
    (stream, config, function, *arguments) = cuda.launched[0]
    assert (stream, function.handle) == (("stream", 7), "gridrt_multi_level_roi_align")
    scalars = [1000, 256, 200, 336, 100, 168, 50, 84, 25, 42]
    assert arguments == [1, 2, 3, 4, 5, *scalars, 6]
    assert all(isinstance(scalar, np.int32) for scalar in arguments[5:-1])
    assert config.grid[0] == 1000
    assert config.block == MULTI_LEVEL_ROI_ALIGN_KERNEL.launch(HALF, ROI_ALIGN.attributes).threads


@pytest.fixture
def asking_for() -> Callable[[int], Kernel]:
    """A kernel with so much shared memory."""

    def kernel_with(size: int) -> Kernel:
        roi_align = MULTI_LEVEL_ROI_ALIGN_KERNEL
        one = as_size(1)
        return Kernel(
            contract=roi_align.contract,
            variants=roi_align.variants,
            macros=roi_align.macros,
            scalars=(),
            launch=lambda _variant, _attributes: Launch((one, one, one), 32, as_size(size)),
            examples=(),
            limits=(),
        )

    return kernel_with


@pytest.mark.parametrize("size", [40 << 10, 80 << 10])  # the first fits without asking, unless there is static memory
def test_dynamic_shared_memory_is_asked_for_once(
    cuda: FakeCuda, asking_for: Callable[[int], Kernel], size: int
) -> None:
    kernel = CudaKernel(asking_for(size), HALF, ROI_ALIGN.attributes)
    for _ in range(2):
        kernel.launch(ROI_ALIGN.shapes, [], [], 0)
    assert (cuda.shared_memory, cuda.carve_outs) == ([size], [100])
    assert cuda.launched[1][1].shmem_size == size


def test_a_gpu_without_so_much_shared_memory_is_named(cuda: FakeCuda, asking_for: Callable[[int], Kernel]) -> None:
    cuda.CUresult.CUDA_SUCCESS = 1
    kernel = CudaKernel(asking_for(200_000), HALF, ROI_ALIGN.attributes)
    with pytest.raises(GridRTError, match="200000 bytes"):
        kernel.launch(ROI_ALIGN.shapes, [], [], 0)
