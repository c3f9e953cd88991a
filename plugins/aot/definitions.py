"""Definitions for `tensorrt.plugin`, TensorRT 10.9 and later: shapes, formats, and the kernel with its launch.

An engine that is built with them holds the kernels, and needs neither Python nor a library. TensorRT requires functions
with a parameter for each input and attribute; they are made here from contract and kernel. TensorRT's validator accepts
them; no engine has been built with them yet.

TensorRT launches these kernels itself. Some need more than 48 KB of shared memory, which the launcher has to request
from CUDA; whether TensorRT does is not known here.

TensorRT 10.9 to 10.15 give Python only the first number of a list if NumPy 2 is installed. Strides would be silently
wrong, so `refuse_unfit` requires later versions.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from types import GenericAlias, MappingProxyType, ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gridrt.errors import EngineError
from gridrt.plugins.adapters.plugin_fields import reads_lists
from gridrt.plugins.aot.symbols import Symbols
from gridrt.plugins.contract import Attributes, Input, Output
from gridrt.plugins.kernel import BYTES_AT_ONCE, Kernel, Variant

Compiler: TypeAlias = Callable[[Kernel, Variant, Attributes], bytes]
"""Compiles a kernel to PTX, as `gridrt.plugins.aot.ptx.ptx_of` does."""

Numbers: TypeAlias = npt.NDArray[Any]
"""An attribute, as TensorRT passes it."""

# tensorrt.plugin has no types: these stand for its TensorDesc and for a function that it calls.
Description: TypeAlias = Any
Callback: TypeAlias = Callable[..., Any]

# The annotations of attributes that tensorrt.plugin requires, and its names of types. Single numbers are arrays, too:
# it cannot convert them to numbers if NumPy 2.4 or later is installed.
_ANNOTATIONS: Mapping[str, Any] = MappingProxyType(
    {"int": npt.NDArray[np.int32], "float": npt.NDArray[np.float32], "ints": npt.NDArray[np.int32]}
)
_TYPE_NAMES: Mapping[str, str] = MappingProxyType({"float32": "FP32", "float16": "FP16", "int32": "INT32"})


def define_plugins(kernels: Sequence[Kernel], compiler: Compiler, *, lazily: bool = False) -> None:
    """Register the ops with TensorRT, once in a process; nodes with the attribute `aot` become these plugins.

    Args:
        kernels: one for each op.
        compiler: is called while an engine is built, for each node and each variant of its kernel that is tried.
        lazily: register an op at its first use; otherwise TensorRT's library must be installed.
    """
    trt, trtp = importlib.import_module("tensorrt"), importlib.import_module("tensorrt.plugin")
    for kernel in kernels:
        definition, name = Definition(trt, trtp, kernel, compiler), kernel.contract.qualified_name
        trtp.register(name, lazy_register=lazily)(definition.shapes())
        trtp.autotune(name)(definition.formats())
        trtp.aot_impl(name)(definition.launch())


def refuse_unfit(trt: ModuleType) -> None:
    """Refuse a TensorRT without such definitions, or with wrong attributes.

    Args:
        trt: the module `tensorrt` or `tensorrt_rtx`.

    Raises:
        EngineError: it is one of these.
    """
    if not hasattr(trt, "QuickPluginCreationRequest") or not reads_lists(trt):
        raise EngineError(
            "ahead-of-time plugins must be built with TensorRT 10.16 or later, and not with TensorRT for RTX",
            place="plugins",
            value=f"{trt.__name__} {trt.__version__}",
            remedy="Choose other `plugins`, or another `runtime`.",
        )


class Definition:
    """The definition of one op.

    Args:
        trt: the module `tensorrt`.
        trtp: the module `tensorrt.plugin`.
        kernel: of the op.
        compiler: see `define_plugins`.
    """

    def __init__(self, trt: ModuleType, trtp: ModuleType, kernel: Kernel, compiler: Compiler) -> None:
        self._trt, self._trtp, self._kernel, self._compiler = trt, trtp, kernel, compiler
        self._contract = kernel.contract
        self._tensors: tuple[Input | Output, ...] = (*self._contract.input_tensors, *self._contract.output_tensors)

    def shapes(self) -> Callback:
        """For `register`: inputs and attributes to the outputs."""

        def described(*inputs: Description, **given: Numbers) -> tuple[Description, ...]:
            symbols, attributes = self._symbols(inputs), self._attributes(given)
            self._kernel.refuse_beyond_limits(attributes)
            pairs = zip(self._contract.input_tensors, inputs, strict=True)
            feature = next((description.dtype for tensor, description in pairs if tensor.dtype == "feature"), None)
            return tuple(
                self._trtp.from_shape_expr(
                    tuple(size.within(symbols) for size in output.shape(attributes)),
                    feature if output.dtype == "feature" else getattr(self._trt, output.dtype),
                )
                for output in self._contract.output_tensors
            )

        descriptions = (self._trtp.TensorDesc,) * len(self._contract.outputs)
        return self._signed(described, GenericAlias(tuple, descriptions))

    def formats(self) -> Callback:
        """For `autotune`: types and layouts of all variants that suit the tensors."""

        def combinations(*arguments: Any) -> list[Any]:  # noqa: ANN401 - descriptions, attributes, and descriptions
            inputs, _ = self._split(arguments[:-1])
            shapes = (description.shape for description in inputs)
            self._kernel.refuse_beyond_limits(dict(zip(self._contract.inputs, shapes, strict=True)))
            tensors = (*inputs, *arguments[-1])
            return [
                self._trtp.AutoTuneCombination(
                    ", ".join(_TYPE_NAMES[_dtype(tensor, variant)] for tensor in self._tensors),
                    ", ".join(_layout(tensor, variant) for tensor in self._tensors),
                )
                for variant in self._kernel.variants
                if self._suits(variant, tensors)
            ]

        returns = GenericAlias(list, (self._trtp.AutoTuneCombination,))
        return self._signed(combinations, returns, outputs=Parameter.empty)

    def launch(self) -> Callback:
        """For `aot_impl`: entry point, code, geometry of the launch, and scalars."""

        def launched(*arguments: Any) -> tuple[str, bytes, Any, Any]:  # noqa: ANN401 - the same, and the tactic
            inputs, attributes = self._split(arguments[:-2])
            variant = self._variant((*inputs, *arguments[-2]))
            symbols, geometry = self._symbols(inputs), self._kernel.launch(variant, attributes)
            params = self._trtp.KernelLaunchParams(block_x=geometry.threads)
            params.grid_x, params.grid_y, params.grid_z = (size.within(symbols) for size in geometry.grid)
            params.shared_mem = geometry.shared_memory.within(symbols)
            scalars = tuple(self._trtp.SymInt32(size.within(symbols)) for size in self._kernel.scalars)
            code = self._compiler(self._kernel, variant, attributes)
            return self._kernel.symbol, code, params, self._trtp.SymIntExprs.from_tuple(scalars)

        returns = GenericAlias(tuple, (str, bytes, self._trtp.KernelLaunchParams, self._trtp.SymIntExprs))
        return self._signed(launched, returns, outputs=Parameter.empty, tactic=int)

    def _signed(self, function: Callback, returns: GenericAlias, **more: Any) -> Callback:  # noqa: ANN401 - annotations
        """The function, with the parameters that TensorRT requires."""
        annotations = {
            **dict.fromkeys(self._contract.inputs, self._trtp.TensorDesc),
            **{constant.name: _ANNOTATIONS[constant.kind] for constant in self._contract.node_constants},
            **more,
        }
        kind = Parameter.POSITIONAL_OR_KEYWORD
        parameters = [Parameter(name, kind, annotation=annotation) for name, annotation in annotations.items()]
        signature = Signature(parameters, return_annotation=returns)
        function.__signature__ = signature  # type: ignore[attr-defined] # inspect.signature reads it
        return function

    def _split(self, arguments: Sequence[Any]) -> tuple[Sequence[Description], Attributes]:
        """Inputs and attributes."""
        count = len(self._contract.inputs)
        given = dict(zip(self._contract.attributes, arguments[count:], strict=True))
        return arguments[:count], self._attributes(given)

    def _attributes(self, given: Mapping[str, Numbers]) -> Attributes:
        """Values of the kinds that the contract states."""
        kinds = {constant.name: constant.kind for constant in self._contract.node_constants}
        return {name: array.tolist() if kinds[name] == "ints" else array[0].item() for name, array in given.items()}

    def _symbols(self, inputs: Sequence[Description]) -> Symbols:
        return Symbols(self._trtp, dict(zip(self._contract.inputs, inputs, strict=True)))

    def _suits(self, variant: Variant, descriptions: Sequence[Description]) -> bool:
        """Whether these tensors have the variant's types and can have its layouts."""
        channels_at_once = BYTES_AT_ONCE // np.dtype(variant.feature_type).itemsize
        return all(
            description.dtype == getattr(self._trt, _dtype(tensor, variant))
            and (_layout(tensor, variant) == "LINEAR" or description.shape[1] % channels_at_once == 0)
            for tensor, description in zip(self._tensors, descriptions, strict=True)
        )

    def _variant(self, descriptions: Sequence[Description]) -> Variant:
        """The variant for tensors of these types and layouts."""

        def takes(variant: Variant) -> bool:
            return all(
                description.dtype == getattr(self._trt, _dtype(tensor, variant))
                and description.format == getattr(self._trt.TensorFormat, _layout(tensor, variant))
                for tensor, description in zip(self._tensors, descriptions, strict=True)
            )

        return next(variant for variant in self._kernel.variants if takes(variant))


def _dtype(tensor: Input | Output, variant: Variant) -> str:
    return variant.feature_type if tensor.dtype == "feature" else tensor.dtype


def _layout(tensor: Input | Output, variant: Variant) -> str:
    """TensorRT pads the channels of HWC8 to 16 bytes in memory, which the kernels do not expect: see `_suits`."""
    if not (tensor.is_map and variant.channels_last):
        return "LINEAR"
    return "HWC8" if variant.feature_type == "float16" else "HWC"
