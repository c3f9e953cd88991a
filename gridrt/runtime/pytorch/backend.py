"""Checkpoints, run by PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.machine.cpus import usable_cpus
from gridrt.machine.packages import probe_package
from gridrt.model.shards import weights_files
from gridrt.model.weights_format import CHECKPOINT_SUFFIXES, weights_format
from gridrt.runtime.backend import Availability, Backend, Session, SessionOptions, Summary
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, UInt8Array

if TYPE_CHECKING:  # PyTorch takes a second to import
    from gridrt.runtime.peaks import Peaks
    from gridrt.runtime.stage_runner import StageRunner
    from gridrt.stages import StageTimes


class PyTorchBackend(Backend):
    """Eager float32: the reference."""

    name = "pytorch"
    title = "PyTorch"
    suffixes = CHECKPOINT_SUFFIXES
    options = frozenset({"threads", "device", "trust_checkpoint"})

    def opens(self, path: Path) -> bool:
        """Whether torch or safetensors wrote the file."""
        return weights_format(path) is not None

    def weights_files(self, path: Path) -> list[Path]:
        """See `Backend.weights_files`; the index and all shards of weights in shards."""
        return weights_files(path)

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:
        """See `Backend.info`; reads the weights."""
        from gridrt.model.checkpoint import load_model
        from gridrt.runtime.pytorch.session import model_info

        return model_info(load_model(path, trust_checkpoint=options.trust_checkpoint), path)

    def open(self, path: Path, options: SessionOptions) -> Session:
        """See `Backend.open`."""
        import torch

        from gridrt.model.checkpoint import load_model
        from gridrt.runtime.pytorch.session import TorchSession

        threads = options.threads or min(torch.get_num_threads(), usable_cpus())
        return TorchSession(
            load_model(path, trust_checkpoint=options.trust_checkpoint), options.device, threads, source=path
        )

    def probe(self) -> list[Availability]:
        """See `Backend.probe`."""
        torch = probe_package("torch")
        problem = () if torch.usable else (f"torch: {torch.problem}", torch.remedy)
        return [Availability("PyTorch, CPU", *problem), Availability("PyTorch, CUDA", *(torch_cuda_problem() or ()))]

    def summary(self, path: Path, options: SessionOptions) -> Summary:
        """See `Backend.summary`."""
        from gridrt.runtime.pytorch.summary import checkpoint_summary

        return checkpoint_summary(path, trust_checkpoint=options.trust_checkpoint)

    def stage_times(
        self, session: Session, images: UInt8Array, image_sizes: Int32Array, *, warm_up: int, runs: int
    ) -> StageTimes | None:
        """See `Backend.stage_times`."""
        from gridrt.runtime.pytorch.session import TorchSession
        from gridrt.runtime.pytorch.stage_times import torch_stage_times

        assert isinstance(session, TorchSession)  # noqa: S101 - opened by this backend
        return torch_stage_times(session, images, image_sizes, warm_up=warm_up, runs=runs)

    def stage_runner(self, path: Path, options: SessionOptions) -> StageRunner:
        """See `Backend.stage_runner`."""
        from gridrt.model.checkpoint import load_model
        from gridrt.runtime.pytorch.stage_runner import torch_stage_runner

        return torch_stage_runner(load_model(path, trust_checkpoint=options.trust_checkpoint), path)

    def peaks(self, session: Session) -> Peaks | None:
        """See `Backend.peaks`."""
        from gridrt.runtime.peaks import measured_peaks
        from gridrt.runtime.pytorch.session import TorchSession

        assert isinstance(session, TorchSession)  # noqa: S101 - opened by this backend
        return measured_peaks(session.device)


def torch_cuda_problem() -> tuple[str, str] | None:
    """What keeps PyTorch from the GPU, and the command that mends it; None where nothing does."""
    package = probe_package("torch")
    if not package.usable:
        return f"torch: {package.problem}", package.remedy
    import torch

    from gridrt.machine.devices import find_gpus

    if not find_gpus():
        return "no CUDA GPU found", ""
    if torch.version.cuda is None:
        index = "https://download.pytorch.org/whl/cu130"
        version = torch.__version__.partition("+")[0]
        return "this torch is built without CUDA", f"pip install --force-reinstall torch=={version} --index-url {index}"
    if not torch.cuda.is_available():
        return f"torch, built for CUDA {torch.version.cuda}, cannot use the driver", ""
    return None


BACKEND = PyTorchBackend()
