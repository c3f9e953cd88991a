#!/usr/bin/env bash
# OpenVINO saturates uint8 arithmetic where PyTorch and ONNX Runtime wrap around, and its Cast of a float to uint8
# wraps or saturates by whether the model's shape is fixed.
#
# Refutes the guesses that Cast wraps in both runtimes, and that an exported uint8 expression gives PyTorch's result
# in both.
# Versions: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPU with AVX2, hint f32, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: Sub, Add and Mul of uint8 tensors wrap modulo 256 in ONNX Runtime, as in numpy and PyTorch. OpenVINO's
# CPU device computes them in float and saturates on the way back: 5 - 7 is 0, not 254. Cast of a float to uint8 is
# compiled into a kernel that takes the low byte where the shape is known, and left to one that saturates where it is
# open: reshape() to the sizes in use changes the result. ONNX leaves floats out of range undefined. So a graph that
# ends in uint8 (masks, heat maps, frame differences) gives other pixels by runtime and by shape: Clip before the
# Cast, compute in a wider type.
# Output seen:
#   Sub [5, 3] - [7, 2]: numpy [254, 1] onnxruntime [254, 1] openvino [0, 1]
#   Add [250, 3] + [7, 2]: numpy [1, 5] onnxruntime [1, 5] openvino [255, 5]
#   Mul [250, 3] * [2, 2]: numpy [244, 6] onnxruntime [244, 6] openvino [255, 6]
#   Cast of [300.0, -1.0, 255.7], fixed shape: onnxruntime [44, 255, 255] openvino [44, 255, 255]
#   Cast of [300.0, -1.0, 255.7], open shape: onnxruntime [44, 255, 255] openvino [255, 0, 255]
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnxruntime as ort, openvino as ov
from onnx import TensorProto as T, helper as h

core, kinds = ov.Core(), {"uint8": T.UINT8, "float32": T.FLOAT}

def both(node, shape, **feed):
    graph = h.make_graph([node], "g", [h.make_tensor_value_info(k, kinds[v.dtype.name], shape) for k, v in feed.items()],
                         [h.make_tensor_value_info("y", T.UINT8, shape)])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    x = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, feed)[0]
    y = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(feed)[0]
    return x.tolist(), y.tolist()

seen = []
for op, sign, a, b in (("Sub", "-", [5, 3], [7, 2]), ("Add", "+", [250, 3], [7, 2]), ("Mul", "*", [250, 3], [2, 2])):
    a, b = np.array(a, np.uint8), np.array(b, np.uint8)
    plain = {"Sub": a - b, "Add": a + b, "Mul": a * b}[op].tolist()
    x, y = both(h.make_node(op, ["a", "b"], ["y"]), [2], a=a, b=b)
    print(f"{op} {a.tolist()} {sign} {b.tolist()}: numpy {plain} onnxruntime {x} openvino {y}")
    seen.append(x == plain and y != plain)
for name, shape, wanted in (("fixed", [3], [44, 255, 255]), ("open", ["n"], [255, 0, 255])):
    x, y = both(h.make_node("Cast", ["a"], ["y"], to=T.UINT8), shape, a=np.array([300, -1, 255.7], np.float32))
    print(f"Cast of [300.0, -1.0, 255.7], {name} shape: onnxruntime {x} openvino {y}")
    seen.append(x == [44, 255, 255] and y == wanted)
sys.exit(not all(seen))
P
