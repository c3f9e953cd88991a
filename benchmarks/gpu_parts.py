"""The parts of `benchmarks.gpu`, in their order: what each runs, how long it may take, and what it needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu_launches import KERNELS_BY_NAME

TESTS = Path("tests", "gpu")
KERNELS = ("cuda-core", "NVRTC")
TESTING = ("pytest", "pytest-timeout", "filelock", "hypothesis")
FOLDERS = tuple(kernel.contract.folder.name for kernel in KERNELS_BY_NAME.values())


@dataclass(frozen=True)
class Part:
    """A module of this package that writes a report.

    Attributes:
        name: of the report, `gpu_<name>.json`.
        module: with its arguments.
        seconds: its share of the time of all; a part also gets what the parts before it left over.
        needs: requirements (see `benchmarks.gpu_preflight`) without which it is not run.
        improved_by: requirements without which it does less.
    """

    name: str
    module: Sequence[str]
    seconds: float
    needs: Sequence[str] = ()
    improved_by: Sequence[str] = ()

    def command(self, out: Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", *self.module, "--out", str(out)]


def _tests(name: str, path: Path, seconds: float, *needs: str) -> Part:
    return Part(f"tests_{name}", ("benchmarks.gpu_tests", str(path)), seconds, (*KERNELS, *TESTING, *needs))


# What proves most comes first, for what comes late may find no time left. Kernels are apart, because one that fails
# takes its process's GPU with it; torch.compile is last and alone, because it is slow and may leave a process broken.
PARTS = (
    *(_tests(name, TESTS / name, 20) for name in FOLDERS),
    _tests("torch_ops", TESTS / "test_torch_ops.py", 25),
    _tests("torch_cuda_session", TESTS / "test_torch_cuda_session.py", 40),
    Part("sanitizer", ("benchmarks.gpu_sanitizer", "--seconds", "50"), 55, (*KERNELS, "compute-sanitizer")),
    *(
        Part(f"kernel_{name}", ("benchmarks.gpu_kernels", name), 15, KERNELS, ("torchvision",))
        for name in KERNELS_BY_NAME
    ),
    Part("latency", ("benchmarks.gpu_latency", "--seconds", "60"), 65, (), (*KERNELS, "TensorRT")),
    Part("operators", ("benchmarks.gpu_operators",), 15, KERNELS),
    Part("accuracy", ("benchmarks.gpu_accuracy",), 35, ("pycocotools",), (*KERNELS, "photographs")),
    _tests("engine", TESTS / "test_engine.py", 35, "TensorRT", "Polygraphy"),
    Part("engines", ("benchmarks.gpu_engines",), 45, ("TensorRT", "Polygraphy", "pycocotools"), ("photographs",)),
    Part("compile", ("benchmarks.gpu_latency", "--compiled", "--seconds", "40"), 45, ("Triton",)),
)
