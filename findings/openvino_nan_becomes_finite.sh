#!/usr/bin/env bash
# OpenVINO turns NaN into an ordinary number in Relu, Clip, Exp, Min, MaxPool and ReduceMax: an overflow leaves no
# trace.
#
# Refutes the guess that NaN stays NaN through Relu and Conv with a fused Relu, as in PyTorch and ONNX Runtime.
# Versions: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPU with AVX2, hint f32, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: the CPU device takes maxima and minima by instructions that return the other operand when one is NaN. So
# Relu(NaN) is 0, Clip(NaN) the lower limit, Exp(NaN) inf, Min(NaN, 7) 7, and a window or row of nothing but NaN gives
# the lowest float32. It even depends on the order of operands: Max(x, 0) is 0, Max(0, x) NaN. Sigmoid, Tanh and
# Softmax keep NaN. A detector whose features overflow to NaN can therefore give finite boxes: box decoding,
# Exp(Clip(delta)), returns the smallest size that it allows. A check "is the output finite" proves nothing here;
# compare with another runtime, or test the weights.
# Output seen (input: nothing but NaN; results: the first value):
#   Relu: onnxruntime nan openvino 0
#   Conv+Relu: onnxruntime nan openvino 0
#   Clip(0, 6): onnxruntime nan openvino 0
#   Exp: onnxruntime nan openvino inf
#   Exp(Clip(-4, 4)): onnxruntime nan openvino 0.0183156
#   Min(x, 7): onnxruntime nan openvino 7
#   Max(x, 0): onnxruntime nan openvino 0
#   Max(0, x): onnxruntime nan openvino nan
#   MaxPool: onnxruntime nan openvino -3.40282e+38
#   ReduceMax: onnxruntime nan openvino -3.40282e+38
#   Sigmoid: onnxruntime nan openvino nan
#   Softmax: onnxruntime nan openvino nan
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnxruntime as ort, openvino as ov
from onnx import TensorProto as T, helper as h, numpy_helper as nh

core, x = ov.Core(), np.full((1, 4, 8, 8), np.nan, np.float32)
constants = {"w": np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1), "zero": np.float32(0), "six": np.float32(6), "seven": np.float32(7),
             "low": np.float32(-4), "high": np.float32(4), "axes": np.array([3])}

def first(nodes, shape):
    used = {i for n in nodes for i in n.input}
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", T.FLOAT, x.shape)], [h.make_tensor_value_info("y", T.FLOAT, shape)],
                         [nh.from_array(np.asarray(v), k) for k, v in constants.items() if k in used])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    a = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    b = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]
    return float(a.flat[0]), float(b.flat[0])

def one(op, *inputs, **attributes):
    return [h.make_node(op, inputs or ["x"], ["y"], **attributes)]

same, least = list(x.shape), float(np.finfo(np.float32).min)
cases = [("Relu", one("Relu"), same, 0), ("Conv+Relu", [h.make_node("Conv", ["x", "w"], ["c"])] + one("Relu", "c"), same, 0),
         ("Clip(0, 6)", one("Clip", "x", "zero", "six"), same, 0), ("Exp", one("Exp"), same, np.inf),
         ("Exp(Clip(-4, 4))", [h.make_node("Clip", ["x", "low", "high"], ["c"])] + one("Exp", "c"), same, np.exp(-4)),
         ("Min(x, 7)", one("Min", "x", "seven"), same, 7), ("Max(x, 0)", one("Max", "x", "zero"), same, 0),
         ("Max(0, x)", one("Max", "zero", "x"), same, np.nan),
         ("MaxPool", one("MaxPool", kernel_shape=[2, 2], strides=[2, 2]), [1, 4, 4, 4], least),
         ("ReduceMax", one("ReduceMax", "x", "axes"), [1, 4, 8, 1], least), ("Sigmoid", one("Sigmoid"), same, np.nan),
         ("Softmax", one("Softmax", axis=1), same, np.nan)]
good = True
for name, nodes, shape, wanted in cases:
    a, b = first(nodes, shape)
    print(f"{name}: onnxruntime {a:g} openvino {b:g}")
    good &= np.isnan(a) and np.allclose(b, wanted, equal_nan=True)
sys.exit(not good)
P
