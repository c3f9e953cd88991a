"""The ops as plugins in Python (IPluginV3), for TensorRT 10.8 and later and for TensorRT for RTX.

They need neither a C++ compiler nor a library: engines are built with them on any machine, and NVRTC compiles a kernel
when an engine first launches it. The calls of a build are tested with TensorRT for RTX, and `enqueue` with stand-ins
only, since no engine has run on a GPU yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from gridrt.plugins.adapters.bindings import joined
from gridrt.plugins.adapters.cuda_kernel import CudaKernel
from gridrt.plugins.adapters.plugin_fields import field_of, value_in
from gridrt.plugins.contract import DOMAIN, VERSION, Attributes, Input, Output
from gridrt.plugins.kernel import BYTES_AT_ONCE, Kernel, Variant
from gridrt.plugins.sizes import Operation

if TYPE_CHECKING:
    import tensorrt

Descriptions: TypeAlias = "Sequence[tensorrt.PluginTensorDesc]"


class PluginLogic:
    """One node: answers TensorRT's calls from the kernel's description.

    Args:
        trt: the module `tensorrt` or `tensorrt_rtx`.
        kernel: of the op.
        attributes: of the node.
        loaded: kernels that are compiled already; clones share them.
    """

    def __init__(
        self, trt: ModuleType, kernel: Kernel, attributes: Attributes, loaded: dict[Variant, CudaKernel]
    ) -> None:
        contract = kernel.contract
        self.plugin_name, self.plugin_namespace, self.plugin_version = contract.name, DOMAIN, str(VERSION)
        self.num_outputs = len(contract.output_tensors)
        self._trt, self._kernel, self._attributes, self._loaded = trt, kernel, attributes, loaded
        self._tensors: tuple[Input | Output, ...] = (*contract.input_tensors, *contract.output_tensors)
        # TensorRT keeps pointers into these arrays.
        self._fields = [field_of(trt, constant, attributes[constant.name]) for constant in contract.node_constants]

    def get_capability_interface(self, kind: tensorrt.PluginCapabilityType) -> PluginLogic:  # noqa: ARG002 - TensorRT's signature
        """This object has all capabilities."""
        return self

    def clone(self) -> PluginLogic:
        """A copy of the node."""
        return type(self)(self._trt, self._kernel, self._attributes, self._loaded)

    def attach_to_context(self, context: tensorrt.IPluginResourceContext) -> PluginLogic:  # noqa: ARG002 - the same
        """The node of an execution context."""
        return self.clone()

    def get_fields_to_serialize(self) -> Any:  # noqa: ANN401 - the bindings' collection
        """The attributes."""
        return self._trt.PluginFieldCollection(self._fields)

    def get_output_data_types(self, input_types: Sequence[tensorrt.DataType]) -> list[tensorrt.DataType]:
        """The types of the contract; features have the type of the input features."""
        contract = self._kernel.contract
        inputs = zip(contract.input_tensors, input_types, strict=True)
        known = {tensor.dtype: kind for tensor, kind in inputs if tensor.dtype == "feature"}
        outputs = (tensor.dtype for tensor in contract.output_tensors)
        return [known[dtype] if dtype in known else getattr(self._trt, dtype) for dtype in outputs]

    def get_output_shapes(
        self,
        inputs: Sequence[tensorrt.DimsExprs],
        shape_inputs: Sequence[tensorrt.DimsExprs],  # noqa: ARG002 - the same
        builder: tensorrt.IExprBuilder,
    ) -> list[tensorrt.DimsExprs]:
        """The shapes of the contract, in TensorRT's symbols."""
        symbols = _Symbols(self._trt, dict(zip(self._kernel.contract.inputs, inputs, strict=True)), builder)
        outputs = (tensor.shape(self._attributes) for tensor in self._kernel.contract.output_tensors)
        return [self._trt.DimsExprs([size.within(symbols) for size in shape]) for shape in outputs]

    def supports_format_combination(
        self,
        position: int,
        in_out: Sequence[tensorrt.DynamicPluginTensorDesc],
        num_inputs: int,  # noqa: ARG002 - the same
    ) -> bool:
        """Whether a variant takes the tensors up to `position` in these types and layouts."""
        descriptions = [tensor.desc for tensor in in_out[: position + 1]]
        return any(self._takes(variant, descriptions) for variant in self._kernel.variants)

    def configure_plugin(self, inputs: Sequence[tensorrt.DynamicPluginTensorDesc], outputs: object) -> None:  # noqa: ARG002 - the same
        """Nothing to prepare.

        Raises:
            GridRTError: the shapes are beyond the kernel's limits; TensorRT prints it, and ends the build.
        """
        shapes = zip(self._kernel.contract.inputs, (tensor.desc.dims for tensor in inputs), strict=True)
        self._kernel.refuse_beyond_limits(dict(shapes))

    def on_shape_change(self, inputs: object, outputs: object) -> None:
        """Nothing to prepare: `enqueue` computes the geometry of a launch."""

    def get_valid_tactics(self) -> list[int]:
        """There is only one tactic."""
        return []

    def set_tactic(self, tactic: int) -> None:
        """There is only one tactic."""

    def get_workspace_size(self, inputs: object, outputs: object) -> int:  # noqa: ARG002 - the same
        """No kernel needs workspace."""
        return 0

    def enqueue(
        self,
        input_desc: Descriptions,
        output_desc: Descriptions,
        inputs: Sequence[int],
        outputs: Sequence[int],
        workspace: int,  # noqa: ARG002 - the same
        stream: int,
    ) -> None:
        """Launch the variant for these tensors; its first launch compiles it.

        Raises:
            DependencyError: cuda-core or NVRTC is missing.
            GridRTError: a kernel does not compile.
        """
        descriptions = [*input_desc, *output_desc]
        variant = next(variant for variant in self._kernel.variants if self._takes(variant, descriptions))
        if variant not in self._loaded:
            self._loaded[variant] = CudaKernel(self._kernel, variant, self._attributes)
        tensors = zip(self._kernel.contract.inputs, input_desc, strict=True)
        shapes = {name: tuple(desc.dims[axis] for axis in range(len(desc.dims))) for name, desc in tensors}
        self._loaded[variant].launch(shapes, inputs, outputs, stream)

    def _takes(self, variant: Variant, descriptions: Descriptions) -> bool:
        """Whether a variant takes the op's first tensors in these types and layouts."""
        return all(
            desc.type == getattr(self._trt, variant.feature_type if tensor.dtype == "feature" else tensor.dtype)
            and self._has_layout(tensor, variant, desc)
            for tensor, desc in zip(self._tensors, descriptions, strict=False)
        )

    def _has_layout(self, tensor: Input | Output, variant: Variant, desc: tensorrt.PluginTensorDesc) -> bool:
        """Whether a feature map has the variant's layout, or any other tensor is contiguous."""
        formats = self._trt.TensorFormat
        if not (tensor.is_map and variant.channels_last):
            return bool(desc.format == formats.LINEAR)
        # TensorRT pads the channels of HWC8 to 16 bytes in memory, which the kernels do not expect.
        expected, element = (formats.HWC8, 2) if variant.feature_type == "float16" else (formats.HWC, 4)
        return bool(desc.format == expected and desc.dims[1] * element % BYTES_AT_ONCE == 0)


class CreatorLogic:
    """Creates the nodes of one op.

    Args:
        trt: the module `tensorrt` or `tensorrt_rtx`.
        kernel: of the op.
        plugin: `PluginLogic`, joined with TensorRT's interfaces.
    """

    def __init__(self, trt: ModuleType, kernel: Kernel, plugin: type[PluginLogic]) -> None:
        self.name, self.plugin_namespace, self.plugin_version = kernel.contract.name, DOMAIN, str(VERSION)
        self._trt, self._kernel, self._plugin = trt, kernel, plugin
        self._constants = kernel.contract.node_constants
        self._fields = [field_of(trt, constant) for constant in self._constants]  # they own their names
        self.field_names = trt.PluginFieldCollection(self._fields)

    def create_plugin(
        self,
        name: str,  # noqa: ARG002 - TensorRT's signature
        fields: Sequence[tensorrt.PluginField],
        phase: tensorrt.TensorRTPhase,  # noqa: ARG002 - the same
    ) -> PluginLogic:
        """A node, from the attributes in the graph or in the engine.

        Raises:
            GridRTError: the attributes are beyond the kernel's limits; TensorRT prints it, and creates no node.
        """
        found = {field.name: field for field in fields}
        attributes = {
            constant.name: value_in(self._trt, constant, found[constant.name]) for constant in self._constants
        }
        self._kernel.refuse_beyond_limits(attributes)
        return self._plugin(self._trt, self._kernel, attributes, {})


class _Symbols:
    """Sizes in the symbols that TensorRT works with while it builds an engine."""

    def __init__(
        self, trt: ModuleType, inputs: Mapping[str, tensorrt.DimsExprs], builder: tensorrt.IExprBuilder
    ) -> None:
        self._trt, self._inputs, self._builder = trt, inputs, builder

    def dim(self, tensor: str, axis: int) -> tensorrt.IDimensionExpr:
        return self._inputs[tensor][axis]

    def constant(self, number: int) -> tensorrt.IDimensionExpr:
        return self._builder.constant(number)

    def combine(
        self, operation: Operation, left: tensorrt.IDimensionExpr, right: tensorrt.IDimensionExpr
    ) -> tensorrt.IDimensionExpr:
        return self._builder.operation(getattr(self._trt.DimensionOperation, operation.name), left, right)


_creators: list[CreatorLogic] = []  # TensorRT's registry does not keep them alive


def register_python_plugins(trt: ModuleType, kernels: Sequence[Kernel]) -> None:
    """Let TensorRT's parser and runtime find the ops; ops that are registered already stay.

    Args:
        trt: the module `tensorrt` or `tensorrt_rtx`.
        kernels: one per op.
    """
    plugin = joined(PluginLogic, trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime)
    creator = joined(CreatorLogic, trt.IPluginCreatorV3One)
    registry = trt.get_plugin_registry()
    there = {entry.name for entry in registry.all_creators if entry.plugin_namespace == DOMAIN}
    for kernel in kernels:
        if kernel.contract.name not in there:
            _creators.append(creator(trt, kernel, plugin))
            registry.register_creator(_creators[-1], DOMAIN)
