"""Measurements of GridRT, run from the root of the repository: see README.md."""

import gridrt  # noqa: F401 - first of all: it keeps ONNX Runtime from reporting its use
