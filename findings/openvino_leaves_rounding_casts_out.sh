#!/usr/bin/env bash
# OpenVINO leaves out a Cast to float16 or bfloat16 and back, also where float32 is asked for: nothing is rounded.
#
# Refutes the guess that a Cast in the graph is arithmetic that the precision hint does not touch. Guessed: 1.234375 and
# 1001.5 (float16), 1.234375 and 1000 (bfloat16), and infinity for 70000 in float16.
# Versions: openvino 2026.4.1, onnx 1.23.2, numpy 2.4.6 (AMD EPYC, AVX2 without AVX-512, Linux x86-64). Date: 2026-12-01.
# Behaviour: for its CPU device OpenVINO first replaces a type that the processor does not compute in by float32
# everywhere, and then a Cast of float32 to float32 is left out. So a graph that rounds by casts, such as one that
# simulates half precision, gives exact results, and a value beyond the type's range stays finite.
# ONNX Runtime rounds. Where the processor has the type, OpenVINO may round too: not looked at.
# Output seen:
#   float16: onnxruntime 1.2343750 1001.5000000 inf, openvino 1.2345678 1001.2999878 70000.0000000
#   bfloat16: onnxruntime 1.2343750 1000.0000000 70144.0000000, openvino 1.2345678 1001.2999878 70000.0000000
# Exits 0 while OpenVINO leaves both out, 1 when it changed, 2 on a processor with FP16 or BF16.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnxruntime as ort, openvino as ov
from onnx import TensorProto as T, helper as h

core = ov.Core()
if {"FP16", "BF16"} & set(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")):
    print("this processor has FP16 or BF16"); sys.exit(2)
x = np.array([1.2345678, 1001.3, 70000], np.float32)
exact = []
for name, half in (("float16", T.FLOAT16), ("bfloat16", T.BFLOAT16)):
    nodes = [h.make_node("Cast", ["x"], ["narrow"], to=half), h.make_node("Cast", ["narrow"], ["y"], to=T.FLOAT)]
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", T.FLOAT, ["n"])], [h.make_tensor_value_info("y", T.FLOAT, ["n"])])
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    data = made.SerializeToString()
    a = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    b = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})({"x": x})[0]
    show = lambda values: " ".join(f"{value:.7f}" for value in values)
    print(f"{name}: onnxruntime {show(a)}, openvino {show(b)}")
    exact.append((a != x).all() and (b == x).all())
sys.exit(not all(exact))
P
