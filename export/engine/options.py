"""What an engine is built for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

from gridrt.errors import EngineError
from gridrt.export.engine.profile import Profile
from gridrt.options import check_range
from gridrt.runtime.tensorrt.library import RuntimeName, TensorRT
from gridrt.runtime.tensorrt.plugins import Adapter

Hardware: TypeAlias = Literal["none", "ampere-plus", "same-compute-capability"]
HARDWARE_LEVELS: Mapping[Hardware, str] = MappingProxyType(
    {
        "none": "NONE",
        "ampere-plus": "AMPERE_PLUS",
        "same-compute-capability": "SAME_COMPUTE_CAPABILITY",  # from 10.13 on
    }
)
"""TensorRT's names."""


@dataclass(frozen=True)
class EngineOptions:
    """What an engine is built for, and how.

    Attributes:
        profile: the batches that it takes.
        runtime: "auto" is TensorRT where it is installed and there is a GPU, else TensorRT for RTX.
        plugins: what implements the custom ops; "auto" as in `gridrt.runtime.tensorrt.plugins.chosen_adapter`.
        workspace_mib: most memory in MiB that a layer may use besides its tensors; None allows all of the GPU's.
        timing_cache: file of measured times, which is read where it exists, and extended.
        hardware: which other GPUs the engine must run on.
        refit: whether its weights can be exchanged later.
        compute_capabilities: of the GPUs to build for, ahead of time, such as (8, 9); empty leaves them to TensorRT.

    Raises:
        GridRTError: `workspace_mib` is below 1.
    """

    profile: Profile
    runtime: Literal["auto"] | RuntimeName = "auto"
    plugins: Literal["auto"] | Adapter = "auto"
    workspace_mib: int | None = None
    timing_cache: Path | None = None
    hardware: Hardware = "none"
    refit: bool = False
    compute_capabilities: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        check_range(1, workspace_mib=self.workspace_mib)


def refuse_impossible(options: EngineOptions, library: TensorRT) -> None:
    """Refuse options that a library would ignore, or does not know.

    Raises:
        EngineError: an option cannot be honoured.
    """
    ignored = {
        "hardware": library.is_rtx and options.hardware != "none",
        "timing_cache": library.is_rtx and options.timing_cache is not None,
        "compute_capabilities": not library.is_rtx and bool(options.compute_capabilities),
    }
    for option, is_asked_for in ignored.items():
        if is_asked_for:
            raise EngineError(f"{library.name} has no such option", place=f"`{option}`", remedy="Leave it out.")
    level = HARDWARE_LEVELS[options.hardware]
    if not hasattr(library.trt.HardwareCompatibilityLevel, level):
        raise EngineError("this TensorRT has no such hardware level", place="`hardware`", value=options.hardware)
    for major, minor in options.compute_capabilities:
        if not hasattr(library.trt.ComputeCapability, f"SM{major}{minor}"):
            known = [name for name in dir(library.trt.ComputeCapability) if name.startswith("SM")]
            raise EngineError(
                f"{library.name} {library.version} cannot build for this compute capability",
                place="`compute_capabilities`",
                value=f"{major}.{minor}",
                remedy=f"It builds for {', '.join(known)}.",
            )
