from __future__ import annotations

import pytest

from gridrt.errors import GridRTError
from gridrt.runtime.backend import TritonModel
from gridrt.serving.triton.versions import IR_VERSION, NEWEST, ONNX_RUNTIME, check_release


def test_the_default_is_the_newest_release_and_each_has_an_ir_version() -> None:
    assert max(ONNX_RUNTIME) == NEWEST
    assert {runtime.rpartition(".")[0] for runtime in ONNX_RUNTIME.values()} == IR_VERSION.keys()


@pytest.mark.parametrize(
    ("release", "ir_version", "reads"), [("25.01", 10, True), ("25.01", 11, False), ("26.07", 13, True)]
)
def test_a_graph_of_a_later_ir_version_than_the_release_reads_is_refused(
    release: str,
    ir_version: int,
    reads: bool,  # noqa: FBT001 - a table
) -> None:
    model = TritonModel("onnxruntime", "model.onnx", ir_version=ir_version)
    if reads:
        assert ONNX_RUNTIME[release] in check_release(release, model, "a.onnx")
        return
    with pytest.raises(GridRTError) as found:
        check_release(release, model, "a.onnx")
    assert (found.value.place, found.value.value) == ("a.onnx", ir_version)


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(GridRTError) as found:
        check_release("19.06", None, "a.onnx")
    assert (found.value.place, found.value.value) == ("`triton_version`", "19.06")
