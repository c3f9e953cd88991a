"""A variant of a kernel on the current GPU, for inputs on any device and in any layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gridrt.plugins.adapters.torch_kernel import TorchKernel
from gridrt.plugins.contract import Attributes
from gridrt.plugins.kernel import Kernel, Variant


def prepared(
    kernel: Kernel, variant: Variant, attributes: Attributes, inputs: Sequence[Tensor]
) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
    """A launch on the current stream, to be repeated at will, and the tensors that it writes to."""
    feeds = on_gpu(kernel, variant, inputs)
    return TorchKernel(kernel).prepared(*feeds, *(attributes[name] for name in kernel.contract.attributes))


def on_gpu(kernel: Kernel, variant: Variant, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Inputs on the GPU, in the types and layouts that a variant takes."""
    feeds = []
    for spec, tensor in zip(kernel.contract.input_tensors, inputs, strict=True):
        dtype = getattr(torch, variant.feature_type if spec.dtype == "feature" else spec.dtype)
        layout = torch.channels_last if spec.is_map and variant.channels_last else torch.contiguous_format
        feeds.append(tensor.to("cuda", dtype, copy=True).contiguous(memory_format=layout))
    return feeds


def launched(kernel: Kernel, variant: Variant, attributes: Attributes, *inputs: Tensor) -> tuple[Tensor, ...]:
    """The outputs of one launch."""
    launch, outputs = prepared(kernel, variant, attributes, inputs)
    launch()
    torch.cuda.synchronize()
    return outputs
