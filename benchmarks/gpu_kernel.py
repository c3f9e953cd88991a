"""A kernel on PyTorch's tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gridrt.plugins.adapters.cuda_kernel import CudaKernel
from gridrt.plugins.contract import Attributes, ElementType, Input, Output
from gridrt.plugins.kernel import Kernel, Variant


class KernelOnTensors:
    """A node's kernel on the current GPU, launched by the adapters' launcher on PyTorch's stream.

    Args:
        kernel: its description.
        variant: one of the kernel's.
        attributes: of the node.
    """

    def __init__(self, kernel: Kernel, variant: Variant, attributes: Attributes) -> None:
        self._contract, self._variant, self._attributes = kernel.contract, variant, attributes
        self._cuda = CudaKernel(kernel, variant, attributes)

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """The outputs, for inputs on any device and in any layout."""
        launch, outputs = self.prepared(*inputs)
        launch()
        torch.cuda.synchronize()
        return outputs

    def prepared(self, *inputs: Tensor) -> tuple[Callable[[], None], list[Tensor]]:
        """A launch, to be repeated at will, and what it writes to."""
        contract = self._contract
        shapes = {name: tuple(tensor.shape) for name, tensor in zip(contract.inputs, inputs, strict=True)}
        feeds = [self._laid_out(tensor, spec) for spec, tensor in zip(contract.input_tensors, inputs, strict=True)]
        outputs = [
            self._laid_out(torch.zeros([size.value(shapes) for size in spec.shape(self._attributes)]), spec)
            for spec in contract.output_tensors
        ]

        def launch() -> None:
            stream = torch.cuda.current_stream().cuda_stream
            self._cuda.launch(shapes, _addresses(feeds), _addresses(outputs), stream)

        return launch, outputs

    def _laid_out(self, tensor: Tensor, spec: Input | Output) -> Tensor:
        is_last = spec.is_map and self._variant.channels_last
        layout = torch.channels_last if is_last else torch.contiguous_format
        return tensor.to("cuda", self._dtype(spec.dtype)).contiguous(memory_format=layout)

    def _dtype(self, element: ElementType) -> torch.dtype:
        found: torch.dtype = getattr(torch, self._variant.precision if element == "feature" else element)
        return found


def _addresses(tensors: Sequence[Tensor]) -> list[int]:
    return [tensor.data_ptr() for tensor in tensors]
