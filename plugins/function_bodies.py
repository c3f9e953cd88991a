"""Bodies of the custom ops in standard ONNX: with them in the file, any runtime can run it.

TensorRT uses a registered plugin of the same name instead.
"""

from __future__ import annotations

from importlib import import_module

from onnx import FunctionProto

from gridrt.plugins.function_text import DetectorShape
from gridrt.plugins.kernels import KERNELS


def function_bodies(detector: DetectorShape) -> list[FunctionProto]:
    """The body of every op, each from `body.py` of the op's folder."""
    modules = (import_module(f"gridrt.plugins.{kernel.contract.folder.name}.body") for kernel in KERNELS)
    return [module.function_body(detector) for module in modules]
