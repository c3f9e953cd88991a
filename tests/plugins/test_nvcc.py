"""The output of NVIDIA's compiler is read, and its absence is an error with the remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gridrt.errors import DependencyError, GridRTError
from gridrt.plugins.nvcc import Resources, nvcc_version, resources_in, resources_of

needs_nvcc = pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc")

LOG = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'gridrt_sample' for 'sm_80'
ptxas info    : Function properties for gridrt_sample
    16 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads
ptxas info    : Used 72 registers, used 1 barriers, 16 bytes cumulative stack size, 2112 bytes smem, 444 bytes cmem[0]
ptxas info    : Compile time = 15.557 ms
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'gridrt_sample' for 'sm_120'
ptxas info    : Function properties for gridrt_sample
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 40 registers, used 0 barriers
"""


def test_the_assemblers_words_become_numbers() -> None:
    assert resources_in(LOG) == [
        Resources(architecture="80", registers=72, stack=16, spilled=12, shared_memory=2112),
        Resources(architecture="120", registers=40, stack=0, spilled=0, shared_memory=0),
    ]


def test_a_missing_compiler_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DependencyError, match=r"^nvcc: .*CUDA"):
        nvcc_version()


@needs_nvcc
def test_a_kernel_is_compiled_for_every_architecture_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "sample.cu"
    source.write_text(
        'extern "C" __global__ void sample(float* out) { __shared__ float a[COUNT]; *out = a[threadIdx.x]; }'
    )
    taken = resources_of(source, ["-DCOUNT=100"], ["80", "90"])
    assert [(one.architecture, one.shared_memory, one.spilled) for one in taken] == [("80", 400, 0), ("90", 400, 0)]


@needs_nvcc
def test_a_kernel_that_does_not_compile_is_an_error_with_the_compilers_words(tmp_path: Path) -> None:
    source = tmp_path / "sample.cu"
    source.write_text('extern "C" __global__ void sample() { nonsense; }')
    with pytest.raises(GridRTError, match=r'sample.cu: nvcc failed .*identifier "nonsense" is undefined'):
        resources_of(source, [], ["80"])
