#!/usr/bin/env bash
# onnx.inliner forgets the default of a function's attribute: the inlined model is valid and computes something else.
#
# Refutes the guess that a default (FunctionProto.attribute_proto) that the node leaves out is used by the inliner as
# by ONNX Runtime.
# Versions: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 (Linux x86-64).
# Date: 2026-11-30.
# Behaviour: a function passes its attribute "slope", default 0.5, to LeakyRelu's alpha. Where the calling node sets
# slope, all is well. Where it does not, ONNX Runtime uses 0.5, but inline_local_functions drops the reference, and
# the operator's own default (0.01) takes its place; the checker accepts the result. Who inlines for a runtime that
# knows no functions should write every attribute at the node.
# Output seen (LeakyRelu of -1):
#   slope left out: onnxruntime -0.5, inlined -0.01
#   slope 0.25 at the node: onnxruntime -0.25, inlined -0.25
#   declared without a default, slope 0.25 at the node: onnxruntime -0.25, inlined -0.25
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnx.inliner, onnxruntime as ort
from onnx import TensorProto as T, helper as h

ort.set_default_logger_severity(4)
x = np.array([-1], np.float32)

def model(default, **given):
    inner = h.make_node("LeakyRelu", ["x"], ["y"])
    inner.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    how = {"attribute_protos": [h.make_attribute("slope", .5)]} if default else {"attributes": ["slope"]}
    body = h.make_function("own", "Leaky", ["x"], ["y"], [inner], [h.make_opsetid("", 20)], **how)
    graph = h.make_graph([h.make_node("Leaky", ["a"], ["b"], domain="own", **given)], "g", [h.make_tensor_value_info("a", T.FLOAT, [1])],
                         [h.make_tensor_value_info("b", T.FLOAT, [1])])
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 20), h.make_opsetid("own", 1)], functions=[body], ir_version=9)

def run(made):
    onnx.checker.check_model(made, full_check=True)
    return ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"a": x})[0][0]

seen = []
for name, made in (("slope left out", model(True)), ("slope 0.25 at the node", model(True, slope=.25)),
                   ("declared without a default, slope 0.25 at the node", model(False, slope=.25))):
    row = (f"{run(made):g}", f"{run(onnx.inliner.inline_local_functions(made)):g}")
    print("{}: onnxruntime {}, inlined {}".format(name, *row))
    seen.append(row)
sys.exit(seen != [("-0.5", "-0.01"), ("-0.25",) * 2, ("-0.25",) * 2])
P
