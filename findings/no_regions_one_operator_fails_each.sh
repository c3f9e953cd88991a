#!/usr/bin/env bash
# No regions (a tensor of zero rows): OpenVINO refuses to run MaxPool and AveragePool on it, ONNX Runtime Reshape to
# [0, -1].
#
# Refutes the guess that every operator of a detector's head gives an empty tensor in both.
# Versions: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPU with AVX2, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: an image without proposals leaves the region heads a batch of 0. In both runtimes Conv, ConvTranspose,
# MatMul, Gemm, RoiAlign, Resize, Softmax, InstanceNormalization, GlobalAveragePool and Flatten take it (three of them
# are shown). OpenVINO's CPU device raises at MaxPool and AveragePool when the request runs, not when the model is
# compiled. ONNX Runtime raises at Reshape with the constant [0, -1] (keep the rows, flatten the rest), for -1 of
# nothing is ambiguous; [-1, 196] works, and so does Flatten. Only an image without proposals shows this.
# Output seen (input [0, 4, 7, 7]):
#   Conv: onnxruntime [0, 4, 5, 5] openvino [0, 4, 5, 5]
#   MaxPool: onnxruntime [0, 4, 6, 6] openvino RuntimeError
#   AveragePool: onnxruntime [0, 4, 6, 6] openvino RuntimeError
#   GlobalAveragePool: onnxruntime [0, 4, 1, 1] openvino [0, 4, 1, 1]
#   Reshape [0, -1]: onnxruntime Fail openvino [0, 196]
#   Reshape [-1, 196]: onnxruntime [0, 196] openvino [0, 196]
#   Flatten: onnxruntime [0, 196] openvino [0, 196]
#   with one region all seven run in both
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnxruntime as ort, openvino as ov
from onnx import TensorProto as T, helper as h, numpy_helper as nh

ort.set_default_logger_severity(4)
core = ov.Core()
constants = {"w": np.ones((4, 4, 3, 3), np.float32), "keep": np.array([0, -1]), "known": np.array([-1, 196])}

def outcome(call):
    try:
        return str(list(call().shape))
    except Exception as error:
        return type(error).__name__

def both(node, rank, rows):
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("x", T.FLOAT, ["k", 4, 7, 7])],
                         [h.make_tensor_value_info("y", T.FLOAT, ["k"] + [None] * (rank - 1))],
                         [nh.from_array(v, k) for k, v in constants.items() if k in node.input])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    data, x = model.SerializeToString(), np.zeros((rows, 4, 7, 7), np.float32)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    compiled = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return outcome(lambda: session.run(None, {"x": x})[0]), outcome(lambda: compiled(x)[0])

pool = {"kernel_shape": [2, 2]}
cases = [("Conv", h.make_node("Conv", ["x", "w"], ["y"]), 4, ("[0, 4, 5, 5]",) * 2),
         ("MaxPool", h.make_node("MaxPool", ["x"], ["y"], **pool), 4, ("[0, 4, 6, 6]", "RuntimeError")),
         ("AveragePool", h.make_node("AveragePool", ["x"], ["y"], **pool), 4, ("[0, 4, 6, 6]", "RuntimeError")),
         ("GlobalAveragePool", h.make_node("GlobalAveragePool", ["x"], ["y"]), 4, ("[0, 4, 1, 1]",) * 2),
         ("Reshape [0, -1]", h.make_node("Reshape", ["x", "keep"], ["y"]), 2, ("Fail", "[0, 196]")),
         ("Reshape [-1, 196]", h.make_node("Reshape", ["x", "known"], ["y"]), 2, ("[0, 196]",) * 2),
         ("Flatten", h.make_node("Flatten", ["x"], ["y"]), 2, ("[0, 196]",) * 2)]
good = True
for name, node, rank, wanted in cases:
    got = both(node, rank, 0)
    print(f"{name}: onnxruntime {got[0]} openvino {got[1]}")
    good &= got == wanted
one = all(a == b and a.startswith("[1,") for a, b in (both(node, rank, 1) for _, node, rank, _ in cases))
print("with one region all seven run in both" if one else "with one region not all run")
sys.exit(not (good and one))
P
