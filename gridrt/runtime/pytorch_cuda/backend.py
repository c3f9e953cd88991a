"""Checkpoints, run in half precision by PyTorch with kernels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gridrt.runtime.backend import Availability, Backend, Session, SessionOptions, Summary
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.pytorch.backend import BACKEND as EAGER
from gridrt.runtime.pytorch.backend import torch_cuda_problem


class PyTorchCudaBackend(Backend):
    """Half precision: chosen by its name only, since its boxes are not the reference's."""

    name = "pytorch_cuda"
    title = "PyTorch with kernels"
    suffixes = EAGER.suffixes
    options = frozenset({"trust_checkpoint"})
    faithful = False
    halves = True
    static_shapes = True
    preference = -10

    def opens(self, path: Path) -> bool:
        """As PyTorch does."""
        return EAGER.opens(path)

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:
        """See `Backend.info`."""
        return replace(EAGER.info(path, options), precision="fp16")

    def open(self, path: Path, options: SessionOptions) -> Session:
        """See `Backend.open`."""
        from gridrt.model.checkpoint import load_model
        from gridrt.runtime.pytorch_cuda.session import TorchCudaSession

        return TorchCudaSession(load_model(path, trust_checkpoint=options.trust_checkpoint), source=path)

    def probe(self) -> list[Availability]:
        """See `Backend.probe`."""
        return [Availability("PyTorch kernels, CUDA", *(torch_cuda_problem() or ()))]

    def summary(self, path: Path, options: SessionOptions) -> Summary:
        """See `Backend.summary`."""
        return EAGER.summary(path, options)


BACKEND = PyTorchCudaBackend()
