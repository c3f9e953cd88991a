#!/usr/bin/env bash
# RoiAlign with mode max: of a feature map that is 3 everywhere, ONNX Runtime pools 2.1 to 2.5, OpenVINO 3.
#
# Refutes the guess that the maximum of interpolated samples of a constant is the constant, in both and in onnx's
# reference.
# Versions: onnxruntime 1.32.0, openvino 2026.4.1, onnx 1.23.2, numpy 2.4.6 (CPU with AVX2, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: ONNX Runtime takes the maximum over the four weighted corners of each sampling point, without adding them
# up to an interpolated value first. onnx's ReferenceEvaluator has the same arithmetic, so the two agree and no test
# against the reference finds it. OpenVINO interpolates, then takes the maximum. With mode avg all three agree. So a
# detector with max pooling of regions gives other boxes by runtime.
# Output seen (smallest and largest pooled value, one region, 3 x 3, sampling_ratio 2):
#   mode max: onnxruntime 2.10 to 2.49, reference 2.10 to 2.49, openvino 3.00 to 3.00
#   mode avg: onnxruntime 3.00 to 3.00, reference 3.00 to 3.00, openvino 3.00 to 3.00
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check onnxruntime==1.32.0 openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnxruntime as ort, openvino as ov
from onnx import TensorProto as T, helper as h
from onnx.reference import ReferenceEvaluator

ort.set_default_logger_severity(4)
core = ov.Core()
feed = {"x": np.full((1, 2, 40, 40), 3, np.float32), "r": np.array([[3.3, 4.1, 20.7, 30.2]], np.float32), "b": np.zeros(1, np.int64)}
seen = {}
for mode in ("max", "avg"):
    node = h.make_node("RoiAlign", ["x", "r", "b"], ["y"], mode=mode, output_height=3, output_width=3, sampling_ratio=2)
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("x", T.FLOAT, [1, 2, 40, 40]), h.make_tensor_value_info("r", T.FLOAT, ["k", 4]),
                         h.make_tensor_value_info("b", T.INT64, ["k"])], [h.make_tensor_value_info("y", T.FLOAT, ["k", 2, 3, 3])])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    compiled = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    pooled = {"onnxruntime": ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, feed)[0],
              "reference": ReferenceEvaluator(model).run(None, feed)[0], "openvino": compiled(feed)[0]}
    print(f"mode {mode}:", ", ".join(f"{name} {y.min():.2f} to {y.max():.2f}" for name, y in pooled.items()))
    seen[mode] = [bool(np.allclose(y, 3, atol=1e-4)) for y in pooled.values()]
sys.exit(seen != {"max": [False, False, True], "avg": [True] * 3})
P
