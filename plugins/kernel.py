"""A custom op as a CUDA kernel: what it is compiled with, and how it is launched.

The entry points of all kernels have one form, for a launch by the driver, for a kernel embedded in an engine, and for
an emulation: pointers to the inputs, int32 scalars that follow from shapes, pointers to the outputs. Attributes are
macros. One launch computes the whole op, without workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from gridrt.errors import GridRTError
from gridrt.plugins.contract import Attributes, Contract, FeatureType
from gridrt.plugins.limits import Limit, first_broken
from gridrt.plugins.sizes import Size

INCLUDES = (Path(__file__).parent / "include", Path(__file__).parent)
"""Include folders for the compiler."""

BYTES_AT_ONCE = 16
"""A kernel reads so many bytes at a time of maps with the channels last."""

Shapes: TypeAlias = Mapping[str, Sequence[int]]
"""Of the inputs, by name; feature maps are [N, C, H, W] in any layout."""


@dataclass(frozen=True)
class Variant:
    """The type of features and the layout that a kernel is compiled for.

    Attributes:
        feature_type: float32 or float16.
        channels_last: feature maps are [N, H, W, C] in memory, and C channels are a multiple of `BYTES_AT_ONCE`.
    """

    feature_type: FeatureType
    channels_last: bool = False

    @property
    def name(self) -> str:
        """Such as `float16_channels_last`."""
        return f"{self.feature_type}_channels_last" if self.channels_last else self.feature_type

    @property
    def macros(self) -> dict[str, str]:
        """The macros that every kernel knows."""
        return {
            "GRIDRT_HALF": str(int(self.feature_type == "float16")),
            "GRIDRT_CHANNELS_LAST": str(int(self.channels_last)),
        }


ALL_VARIANTS = (
    Variant("float32"),
    Variant("float16"),
    Variant("float32", channels_last=True),
    Variant("float16", channels_last=True),
)
"""Both types in both layouts."""


@dataclass(frozen=True)
class Launch:
    """The geometry of a launch.

    Attributes:
        grid: blocks along x, y and z; at least 1 each, even if a tensor is empty.
        threads: of a block, along x.
        shared_memory: bytes of dynamic shared memory of a block.
    """

    grid: tuple[Size, Size, Size]
    threads: int
    shared_memory: Size


@dataclass(frozen=True)
class Example:
    """A node of the R-50 model at 800 x 1344 pixels."""

    attributes: Attributes
    shapes: Shapes


@dataclass(frozen=True)
class Kernel:
    """A custom op's kernel.

    Attributes:
        contract: of the op.
        variants: that it is compiled in.
        macros: for a node's attributes.
        scalars: arguments of the entry point between inputs and outputs.
        launch: for a variant and a node's attributes.
        examples: to compile and to measure.
        limits: on attributes and shapes; every adapter checks them.
        spills: why its registers may spill; empty if they must not.
    """

    contract: Contract
    variants: tuple[Variant, ...]
    macros: Callable[[Attributes], Mapping[str, str]]
    scalars: tuple[Size, ...]
    launch: Callable[[Variant, Attributes], Launch]
    examples: tuple[Example, ...]
    limits: tuple[Limit, ...]
    spills: str = ""

    @property
    def entry(self) -> Path:
        """The source file of the entry point."""
        return self.contract.folder / "entry.cu"

    @property
    def symbol(self) -> str:
        """The name of the entry point."""
        return f"gridrt_{self.contract.folder.name}"

    def refuse_beyond_limits(self, values: Mapping[str, Any]) -> None:
        """Refuse a node that is beyond the kernel's limits.

        Args:
            values: attributes and shapes by name, as far as they are known.

        Raises:
            GridRTError: a limit is exceeded.
        """
        if broken := first_broken(self.limits, values):
            raise GridRTError(
                f"the kernel cannot run this node: {broken}", place=self.contract.name, value=values[broken.name]
            )

    def all_macros(self, variant: Variant, attributes: Attributes) -> dict[str, str]:
        """The macros of the variant and of a node's attributes."""
        return {**variant.macros, **self.macros(attributes)}

    def defines(self, variant: Variant, attributes: Attributes) -> list[str]:
        """Compiler options for variant and attributes: `-DGRIDRT_HALF=1`, and so on."""
        return [f"-D{name}={value}" for name, value in self.all_macros(variant, attributes).items()]
