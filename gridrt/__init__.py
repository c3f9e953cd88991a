"""GridRT: Grid R-CNN detectors in the fastest form that still has their accuracy.

    open_detector, load_image, detect_files        find objects, in memory or in files
    train, load_model, export_onnx                 make a detector, and its ONNX file
    calibrate, rewrite_graph, build_engine         make it INT8 or FP16, and an engine
    evaluate, benchmark, compare_models, inspect   measure it, and look into it
    write_triton_repository, check_triton          serve it

Each is described below, under FUNCTIONS, with an example. Importing this package is cheap: a name is loaded when it is
first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

# ONNX Runtime would queue reports of its use in the home folder, from its import on; this module is run before that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.2.0"

__all__ = [
    "Detections",
    "Detector",
    "GridRTError",
    "Video",
    "__version__",
    "benchmark",
    "build_engine",
    "calibrate",
    "check_triton",
    "compare_models",
    "detect_files",
    "evaluate",
    "export_onnx",
    "inspect",
    "load_image",
    "load_model",
    "open_detector",
    "rewrite_graph",
    "train",
    "write_triton_repository",
]

if TYPE_CHECKING:
    from gridrt.api import (
        benchmark,
        build_engine,
        calibrate,
        check_triton,
        compare_models,
        detect_files,
        evaluate,
        export_onnx,
        inspect,
        load_image,
        load_model,
        open_detector,
        rewrite_graph,
        train,
        write_triton_repository,
    )
    from gridrt.data.video import Video
    from gridrt.detector import Detector
    from gridrt.errors import GridRTError
    from gridrt.types import Detections
else:
    _CLASSES = {
        "Detections": "gridrt.types",
        "Detector": "gridrt.detector",
        "GridRTError": "gridrt.errors",
        "Video": "gridrt.data.video",
    }

    def __getattr__(name):  # noqa: ANN001, ANN202 - a type here would hide misspelt names from type checkers
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_CLASSES.get(name, "gridrt.api")), name)


def __dir__() -> list[str]:
    return __all__
