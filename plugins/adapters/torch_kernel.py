"""A kernel on tensors of PyTorch: checked against the contract, laid out, launched on PyTorch's current stream.

Nothing here waits for the GPU, and all memory is PyTorch's, so that a launch can be captured in a CUDA graph after a
first launch has compiled the kernel. Tested with the kernels compiled for a CPU; it has not run on a GPU yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from gridrt.plugins.adapters.cuda_kernel import CudaKernel
from gridrt.plugins.contract import Attributes, ElementType, Input, Output
from gridrt.plugins.kernel import BYTES_AT_ONCE, Kernel, Shapes, Variant


class Launcher(Protocol):
    """A kernel that is compiled and loaded: `CudaKernel`, or its stand-in in tests."""

    def launch(self, shapes: Shapes, inputs: Sequence[int], outputs: Sequence[int], stream: int) -> None:
        """Launch once on a stream; inputs and outputs are addresses."""


Loader: TypeAlias = Callable[[Kernel, Variant, Attributes], Launcher]
"""Compiles and loads a variant for a node's attributes."""

Argument: TypeAlias = Any
"""Of a call: tensors, then attributes, in the contract's order."""

Result: TypeAlias = "Tensor | tuple[Tensor, ...]"
"""Of a call: the output, or a tuple if there are several."""


class TorchKernel:
    """An op, computed by its kernel.

    Args:
        kernel: the op's.
        load: is called once for each variant, set of attributes and GPU.
    """

    def __init__(self, kernel: Kernel, load: Loader = CudaKernel) -> None:
        self._kernel, self._contract, self._load = kernel, kernel.contract, load
        self._loaded: dict[object, Launcher] = {}

    def __call__(self, *arguments: Argument) -> Result:
        """Launch the variant for these tensors; maps with the channels last stay so.

        Raises:
            TypeError: a tensor is of another type or rank than the contract says, or on another device than the first.
            DependencyError: what compiles kernels is missing.
            GridRTError: the kernel does not support the node, or does not compile.
        """
        launch, outputs = self.prepared(*arguments)
        launch()
        return _result(outputs)

    def prepared(self, *arguments: Argument) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        """A launch on the stream that is current when it is called, to be repeated at will, and its output tensors.

        Raises:
            TypeError, DependencyError, GridRTError: as a call.
        """
        inputs, attributes = self._split(arguments)
        shapes = self._shapes(inputs)
        self._kernel.refuse_beyond_limits({**attributes, **shapes})
        variant = self._variant(inputs)
        feeds = [_fit(tensor, _layout(spec, variant)) for spec, tensor in zip(self._specs, inputs, strict=True)]
        outputs = self._outputs(inputs, attributes, variant)
        with torch.cuda.device_of(inputs[0]):
            launcher = self._launcher(variant, attributes, inputs[0].device)

        def launch() -> None:
            with torch.cuda.device_of(outputs[0]):
                launcher.launch(shapes, _addresses(feeds), _addresses(outputs), current_stream())

        return launch, outputs

    def fake(self, *arguments: Argument) -> Result:
        """As a call, with undefined values: for tracers, whose sizes may be symbols."""
        inputs, attributes = self._split(arguments)
        return _result(self._outputs(inputs, attributes, self._variant(inputs)))

    @property
    def _specs(self) -> Sequence[Input]:
        return self._contract.input_tensors

    def _split(self, arguments: Sequence[Argument]) -> tuple[Sequence[Tensor], Attributes]:
        count = len(self._specs)
        return arguments[:count], dict(zip(self._contract.attributes, arguments[count:], strict=True))

    def _shapes(self, inputs: Sequence[Tensor]) -> Shapes:
        return {spec.name: tuple(tensor.shape) for spec, tensor in zip(self._specs, inputs, strict=True)}

    def _variant(self, inputs: Sequence[Tensor]) -> Variant:
        """The variant for these tensors, which are checked against the contract."""
        pairs = list(zip(self._specs, inputs, strict=True))
        features = (tensor.dtype for spec, tensor in pairs if spec.dtype == "feature")
        maps = [tensor for spec, tensor in pairs if spec.is_map]
        channels_last = bool(maps) and all(_has_channels_last(tensor) for tensor in maps)
        suiting = Variant("float16" if next(features, None) == torch.float16 else "float32", channels_last)
        others = [each for each in self._kernel.variants if each.feature_type == suiting.feature_type]
        variant = suiting if suiting in others else next(iter(others), self._kernel.variants[0])
        for spec, tensor in pairs:
            expected = _dtype(spec.dtype, variant), spec.rank, inputs[0].device
            found = tensor.dtype, tensor.ndim, tensor.device
            if expected != found:
                rule = "expected {} with {} dimensions on {}, got {} with {} on {}".format(*expected, *found)
                raise TypeError(f"{self._contract.name}, {spec.name}: {rule}")
        return variant

    def _outputs(self, inputs: Sequence[Tensor], attributes: Attributes, variant: Variant) -> tuple[Tensor, ...]:
        """Uninitialised tensors."""
        shapes, device = self._shapes(inputs), inputs[0].device
        return tuple(
            torch.empty(
                [size.value(shapes) for size in spec.shape(attributes)],
                dtype=_dtype(spec.dtype, variant),
                device=device,
                memory_format=_layout(spec, variant),
            )
            for spec in self._contract.output_tensors
        )

    def _launcher(self, variant: Variant, attributes: Attributes, device: torch.device) -> Launcher:
        values = (tuple(value) if isinstance(value, list) else value for value in attributes.values())
        key = (variant, *values, device)
        if key not in self._loaded:
            self._loaded[key] = self._load(self._kernel, variant, attributes)
        return self._loaded[key]


def current_stream() -> int:
    """Handle of PyTorch's current stream."""
    return int(torch.cuda.current_stream().cuda_stream)


def _dtype(element: ElementType, variant: Variant) -> torch.dtype:
    found: torch.dtype = getattr(torch, variant.feature_type if element == "feature" else element)
    return found


def _has_channels_last(feature_map: Tensor) -> bool:
    """Whether it is [N, H, W, C] in memory, with a multiple of the channels that a kernel reads at a time."""
    whole = feature_map.shape[1] * feature_map.element_size() % BYTES_AT_ONCE == 0
    return whole and feature_map.is_contiguous(memory_format=torch.channels_last)


def _layout(spec: Input | Output, variant: Variant) -> torch.memory_format:
    return torch.channels_last if spec.is_map and variant.channels_last else torch.contiguous_format


def _fit(tensor: Tensor, layout: torch.memory_format) -> Tensor:
    """The tensor itself, or a copy if its layout differs or it is not aligned to what is read at a time."""
    whole = tensor.contiguous(memory_format=layout)
    return whole if whole.data_ptr() % BYTES_AT_ONCE == 0 else whole.clone(memory_format=layout)


def _addresses(tensors: Sequence[Tensor]) -> list[int]:
    return [tensor.data_ptr() for tensor in tensors]


def _result(outputs: tuple[Tensor, ...]) -> Result:
    return outputs if len(outputs) > 1 else outputs[0]
