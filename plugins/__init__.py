"""The custom ops as kernels: one folder per op, with all about it.

The folder stands at the repository's root and is imported as `gridrt.plugins`, through a link; under any other name
its modules would be loaded twice.
"""

from __future__ import annotations

if __name__ != "gridrt.plugins":
    raise ImportError(f"this package is imported as gridrt.plugins, not as {__name__}")
