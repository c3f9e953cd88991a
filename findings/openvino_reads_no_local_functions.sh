#!/usr/bin/env bash
# OpenVINO does not read an ONNX model with local functions, though their bodies are nothing but standard operators.
#
# Refutes the guess that functions are expanded when the file is read, as ONNX Runtime does.
# Versions: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPU with AVX2, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: read_model takes the file, but reports "No conversion rule found" for each function's operator, from a
# path as from bytes. onnx.inliner.inline_local_functions before reading helps (write every attribute at the nodes
# first: it drops the defaults of functions' attributes), and so does ONNX Runtime's optimized_model_filepath at level
# basic. A function of a standard name in another domain (own::Relu) is refused too, not mistaken for the standard
# one.
# Output seen:
#   own::Twice: onnxruntime [2.0, 6.0], openvino from bytes: no conversion rule, from a path: no conversion rule
#   inlined by onnx: openvino [2.0, 6.0]
#   written by onnxruntime, level basic: openvino [2.0, 6.0]
#   own::Relu whose body is Neg: onnxruntime [-1.0, -3.0], openvino from bytes: no conversion rule, from a path: no conversion rule
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnx.inliner, onnxruntime as ort, openvino as ov
from onnx import TensorProto as T, helper as h

core, x = ov.Core(), np.array([1, 3], np.float32)

def model(name, nodes):
    body = h.make_function("own", name, ["x"], ["y"], nodes, [h.make_opsetid("", 20)])
    graph = h.make_graph([h.make_node(name, ["a"], ["b"], domain="own")], "g", [h.make_tensor_value_info("a", T.FLOAT, [2])],
                         [h.make_tensor_value_info("b", T.FLOAT, [2])])
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 20), h.make_opsetid("own", 1)], functions=[body], ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    return made

def openvino(source):
    try:
        return str(core.compile_model(core.read_model(source), "CPU")(x)[0].tolist())
    except Exception as error:
        return "no conversion rule" if "No conversion rule found for operations: own." in str(error) else type(error).__name__

def told(made, title):
    onnx.save(made, "model.onnx")
    a = ort.InferenceSession("model.onnx", providers=["CPUExecutionProvider"]).run(None, {"a": x})[0].tolist()
    b, c = openvino(made.SerializeToString()), openvino("model.onnx")
    print(f"{title}: onnxruntime {a}, openvino from bytes: {b}, from a path: {c}")
    return a, b, c

twice, refused = model("Twice", [h.make_node("Add", ["x", "x"], ["y"])]), "no conversion rule"
seen = [told(twice, "own::Twice") == ([2, 6], refused, refused)]
inlined = openvino(onnx.inliner.inline_local_functions(twice).SerializeToString())
print("inlined by onnx: openvino", inlined)
options = ort.SessionOptions()
options.optimized_model_filepath, options.log_severity_level = "basic.onnx", 3
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
ort.InferenceSession(twice.SerializeToString(), options, providers=["CPUExecutionProvider"])
written = openvino("basic.onnx")
print("written by onnxruntime, level basic: openvino", written)
seen.append(told(model("Relu", [h.make_node("Neg", ["x"], ["y"])]), "own::Relu whose body is Neg") == ([-1, -3], refused, refused))
sys.exit(not (all(seen) and inlined == written == "[2.0, 6.0]"))
P
