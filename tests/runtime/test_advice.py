from __future__ import annotations

import pytest

from gridrt.machine.devices import Cpu
from gridrt.runtime.advice import advice

PLAIN, VNNI, AMX, ARM, UNKNOWN = (
    Cpu("a CPU", 2, sets)
    for sets in (
        ("avx2",),
        ("avx2", "avx512f", "avx512_vnni", "avx512_bf16"),
        ("avx512_vnni", "amx_bf16", "amx_int8"),
        ("asimd", "asimddp", "bf16"),
        (),
    )
)


@pytest.mark.parametrize(
    ("cpu", "backends", "expected"),
    [
        (VNNI, {"openvino", "onnxruntime", "pytorch"}, ("openvino", "INT8")),
        (ARM, {"openvino", "onnxruntime"}, ("openvino", "INT8")),
        (PLAIN, {"openvino", "onnxruntime"}, ("openvino", "FP32")),
        (UNKNOWN, {"onnxruntime"}, ("onnxruntime", "FP32")),
        (VNNI, {"onnxruntime"}, ("onnxruntime", "INT8")),
        (VNNI, {"openvino", "tensorrt"}, ("tensorrt", "FP16")),
        (VNNI, {"pytorch"}, ("pytorch", "checkpoint")),
    ],
)
def test_the_fastest_way_follows_from_the_processor_and_from_what_runs(
    cpu: Cpu, backends: set[str], expected: tuple[str, str]
) -> None:
    found = advice(cpu, backends)

    assert found.backend == expected[0]
    assert expected[1] in found.artefact


def test_precisions_name_the_instructions_that_make_them() -> None:
    assert PLAIN.precisions == "FP32; no BF16; INT8 without VNNI"
    assert AMX.precisions == "FP32; BF16 by amx_bf16; INT8 by avx512_vnni, amx_int8"
    assert UNKNOWN.precisions == "unknown"
