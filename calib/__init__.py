"""From an ONNX graph to the same graph in another precision.

The folder stands at the repository's root and is imported as `gridrt.calib`, through a link; under any other name
its modules would be loaded twice.
"""

from __future__ import annotations

if __name__ != "gridrt.calib":
    raise ImportError(f"this package is imported as gridrt.calib, not as {__name__}")
