"""Which backends run here, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from gridrt.machine.devices import Gpu
from gridrt.machine.packages import Package


@dataclass(frozen=True)
class Backend:
    """A way to run a detector, on this machine.

    Attributes:
        name: the library, and the device where it has several.
        problem: what keeps it from running here; empty where it runs.
        remedy: the command that mends it; empty where it runs, or where no command does.
    """

    name: str
    problem: str
    remedy: str

    @property
    def runs(self) -> bool:
        """Whether a detector can run this way here."""
        return not self.problem


def find_backends(packages: Mapping[str, Package], gpus: Sequence[Gpu]) -> list[Backend]:
    """Judge every backend by the packages and GPUs that were found. Never raises."""
    torch, onnxruntime = packages["torch"], packages["onnxruntime"]
    engine_problem = partial(_engine_memory_problem, torch, packages["pycuda"])
    on_cpu = [_backend("PyTorch, CPU", torch), _backend("ONNX Runtime, CPU", onnxruntime)]
    on_gpu = [
        _backend("PyTorch, CUDA", torch, _torch_cuda_problem),
        _backend("ONNX Runtime, CUDA", onnxruntime, _onnxruntime_cuda_problem),
        _backend("TensorRT", packages["tensorrt"], engine_problem),
        _backend("TensorRT for RTX", packages["tensorrt-rtx-cu13"], engine_problem),
    ]
    if gpus:
        return on_cpu + on_gpu
    besides = {"TensorRT for RTX": "; it builds engines here"} if packages["tensorrt-rtx-cu13"].usable else {}
    return on_cpu + [Backend(each.name, f"no CUDA GPU found{besides.get(each.name, '')}", "") for each in on_gpu]


_Problem = tuple[str, str]  # what is wrong, the command that mends it


def _backend(name: str, package: Package, build_problem: Callable[[], _Problem | None] = lambda: None) -> Backend:
    """`build_problem` looks into a package that does import."""
    problem = build_problem() if package.usable else (f"{package.name}: {package.problem}", package.remedy)
    return Backend(name, *(problem or ("", "")))


def _torch_cuda_problem() -> _Problem | None:
    import torch

    if torch.version.cuda is None:
        index = "https://download.pytorch.org/whl/cu130"
        version = torch.__version__.partition("+")[0]
        return "this torch is built without CUDA", f"pip install --force-reinstall torch=={version} --index-url {index}"
    if not torch.cuda.is_available():
        return f"torch, built for CUDA {torch.version.cuda}, cannot use the driver", ""
    return None


def _engine_memory_problem(torch: Package, pycuda: Package) -> _Problem | None:
    if pycuda.usable or (torch.usable and _torch_cuda_problem() is None):
        return None
    return "the GPU's memory is PyTorch's, with CUDA, or PyCUDA's, and neither can use it", pycuda.remedy


def _onnxruntime_cuda_problem() -> _Problem | None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return None
    # The two packages write to one folder, so both go before one comes.
    mend = "pip uninstall --yes onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
    return "this onnxruntime is built without CUDA", mend
