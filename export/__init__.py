"""From a model to one ONNX graph that runs anywhere.

The folder stands at the repository's root and is imported as `gridrt.export`, through a link; under any other name
its modules would be loaded twice.
"""

from __future__ import annotations

if __name__ != "gridrt.export":
    raise ImportError(f"this package is imported as gridrt.export, not as {__name__}")
