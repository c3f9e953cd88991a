"""What a release of Triton holds, and whether it runs a model.

Sources: `docs/introduction/compatibility.md` of github.com/triton-inference-server/server at commit e1db8a6 (ONNX
Runtime of each release). The IR versions are those that the ONNX Runtime of each release names when it refuses a file
of a later one. The document does not list the TensorRT of the releases.
"""

from __future__ import annotations

from collections.abc import Mapping

from gridrt.errors import GridRTError
from gridrt.runtime.backend import TritonModel

ONNX_RUNTIME: Mapping[str, str] = {
    "26.07": "1.27.0",
    "26.06": "1.24.4",
    "26.05": "1.24.4",
    "26.04": "1.24.4",
    "26.03": "1.24.2",
    "26.02": "1.24.1",
    "26.01": "1.23.2",
    "25.12": "1.23.2",
    "25.11": "1.23.2",
    "25.10": "1.23.1",
    "25.09": "1.23.0",
    "25.08": "1.23.0",
    "25.07": "1.22.0",
    "25.06": "1.22.0",
    "25.05": "1.22.0",
    "25.04": "1.21.0",
    "25.03": "1.21.0",
    "25.02": "1.20.1",
    "25.01": "1.20.1",
}
"""Releases of Triton's container, the newest first, and the ONNX Runtime in each."""

IR_VERSION: Mapping[str, int] = {"1.27": 13, "1.24": 13, "1.23": 11, "1.22": 10, "1.21": 10, "1.20": 10}
"""The latest IR version that an ONNX Runtime reads."""

NEWEST = next(iter(ONNX_RUNTIME))


def check_release(release: str, model: TritonModel | None, place: object) -> str:
    """Refuse a model that the back end in a release of Triton does not read.

    Args:
        release: of Triton's container, such as "26.07".
        model: what Triton's own back end would run; None where the front runs the model.
        place: the model file, for errors.

    Returns:
        What in the release runs the model, for people.

    Raises:
        GridRTError: the release is not in the table, or its ONNX Runtime is too old for the file.
    """
    if release not in ONNX_RUNTIME:
        remedy = f"Name one of {', '.join(ONNX_RUNTIME)}."
        raise GridRTError("is not a known release of Triton", place="`triton_version`", value=release, remedy=remedy)
    if model is None:
        return "GridRT"
    if model.ir_version is None:
        return f"TensorRT, which must be {model.tensorrt} (the TensorRT of Triton {release} is not checked)"
    runtime = ONNX_RUNTIME[release]
    latest = IR_VERSION[runtime.rpartition(".")[0]]
    if model.ir_version > latest:
        raise GridRTError(
            f"the IR version of the graph must be at most {latest} for ONNX Runtime {runtime} in Triton {release}",
            place=place,
            value=model.ir_version,
            remedy="Serve it with a later release of Triton, or export the graph again: gridrt export.",
        )
    return f"ONNX Runtime {runtime}"
