#!/usr/bin/env bash
# onnx.compose cannot put two halves of a model together again if both carry the same local function; with prefixes it
# renames the function's operator, so a runtime's plugin no longer finds its node.
#
# Refutes the guess that merge_models keeps one copy of two identical functions.
# Versions: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 (Linux x86-64).
# Date: 2026-11-30.
# Behaviour: onnx.utils.Extractor cuts a model in two and keeps the function in both parts, byte for byte the same.
# merge_models of the parts raises ValueError ("overlapping local function names"). prefix1 and prefix2 make it pass,
# but prefix the functions as well: own::Twice becomes own::a_Twice and own::b_Twice. The bodies still run in ONNX
# Runtime, but an operator of the name Twice that a runtime registers (TensorRT plugin, OpenVINO extension) matches no
# more. Take the functions off one half before merging, and put nothing back: one copy serves both.
# Output seen:
#   halves: functions ['Twice'] and ['Twice'], identical True
#   merge_models: ValueError overlapping local function names
#   with prefixes: functions ['a_Twice', 'b_Twice'], operators ['a_Twice', 'b_Twice'], onnxruntime [4.0, 12.0]
#   functions of the second half removed first: functions ['Twice'], operators ['Twice', 'Twice'], onnxruntime [4.0, 12.0]
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnx.compose, onnx.utils, onnxruntime as ort
from onnx import TensorProto as T, helper as h

value = lambda name: h.make_tensor_value_info(name, T.FLOAT, [2])
body = h.make_function("own", "Twice", ["x"], ["y"], [h.make_node("Add", ["x", "x"], ["y"])], [h.make_opsetid("", 20)])
nodes = [h.make_node("Twice", ["x"], ["t"], domain="own"), h.make_node("Twice", ["t"], ["y"], domain="own")]
model = h.make_model(h.make_graph(nodes, "g", [value("x")], [value("y")], value_info=[value("t")]), functions=[body], ir_version=9,
                     opset_imports=[h.make_opsetid("", 20), h.make_opsetid("own", 1)])
onnx.checker.check_model(model, full_check=True)
first = onnx.utils.Extractor(model).extract_model(["x"], ["t"])
second = onnx.utils.Extractor(model).extract_model(["t"], ["y"])
for half in (first, second):
    del half.graph.value_info[:]                            # types of t, which merging would count twice

def names(made):
    return [f.name for f in made.functions]

same = [f.SerializeToString() for f in first.functions] == [f.SerializeToString() for f in second.functions]
print(f"halves: functions {names(first)} and {names(second)}, identical {same}")
try:
    onnx.compose.merge_models(first, second, io_map=[("t", "t")])
    refused = "merged"
except ValueError as error:
    refused = "ValueError overlapping local function names" if "overlapping local function names" in str(error) else f"ValueError {error}"
print("merge_models:", refused)

def told(made):
    onnx.checker.check_model(made, full_check=True)
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    y = session.run(None, {session.get_inputs()[0].name: np.array([1, 3], np.float32)})[0].tolist()
    return names(made), [n.op_type for n in made.graph.node], y

def show(name, made):
    seen = told(made)
    print("{}: functions {}, operators {}, onnxruntime {}".format(name, *seen))
    return seen

prefixed = show("with prefixes", onnx.compose.merge_models(first, second, io_map=[("t", "t")], prefix1="a_", prefix2="b_"))
bare = onnx.ModelProto(); bare.CopyFrom(second); del bare.functions[:]
inner = onnx.compose.add_prefix(bare, "b_", rename_functions=False)
by_hand = show("functions of the second half removed first", onnx.compose.merge_models(first, inner, io_map=[("t", "b_t")]))
both = ["a_Twice", "b_Twice"]
sys.exit(not (same and refused.endswith("function names") and prefixed == (both, both, [4, 12]) and
              by_hand == (["Twice"], ["Twice", "Twice"], [4, 12])))
P
