#!/usr/bin/env bash
# ONNX Runtime's ReduceMax and MaxPool keep or lose a NaN by its place in the row or window; TopK always ranks it
# first.
#
# Refutes the guess that NaN stays NaN in both, as in PyTorch (amax, max_pool2d), and counts as the largest
# everywhere.
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (CPU with AVX2, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: with one NaN among ones, ReduceMax is NaN only if the NaN comes first in the row; MaxPool with a 2 x 2
# window loses a NaN in the window's left column and keeps one in the right. ArgMax says 0 in every case. TopK puts
# NaN before everything, wherever it is, so a NaN score is the best score. Max (two tensors), Relu and Clip keep NaN.
# So a check for NaN behind a MaxPool or ReduceMax sees only some of them.
# Output seen (position of the NaN in a row of 8; even positions are left columns of the windows):
#   position 0: ReduceMax nan, MaxPool windows with nan 0, ArgMax 0, TopK nan at 0
#   position 1: ReduceMax 1, MaxPool windows with nan 2, ArgMax 0, TopK nan at 1
#   position 6: ReduceMax 1, MaxPool windows with nan 0, ArgMax 0, TopK nan at 6
#   position 7: ReduceMax 1, MaxPool windows with nan 2, ArgMax 0, TopK nan at 7
#   numpy's max and argmax: nan at the position itself in every case
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"; "$work/v/bin/python" - <<'P'
import sys
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h

nodes = [h.make_node("ReduceMax", ["x", "axes"], ["largest"]), h.make_node("ArgMax", ["x"], ["place"], axis=3),
         h.make_node("MaxPool", ["x"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]), h.make_node("TopK", ["x", "k"], ["best", "where"])]
outputs = {"largest": (T.FLOAT, [1, 1, 4, 1]), "place": (T.INT64, [1, 1, 4, 1]), "pooled": (T.FLOAT, [1, 1, 2, 4]),
           "best": (T.FLOAT, [1, 1, 4, 1]), "where": (T.INT64, [1, 1, 4, 1])}
graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", T.FLOAT, [1, 1, 4, 8])],
                     [h.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
                     [h.make_tensor("axes", T.INT64, [1], [3]), h.make_tensor("k", T.INT64, [1], [1])])
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 20)], ir_version=9)
onnx.checker.check_model(model, full_check=True)
session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
seen, truth = [], []
for position in (0, 1, 6, 7):
    x = np.ones((1, 1, 4, 8), np.float32)
    x[..., position] = np.nan
    largest, place, pooled, best, where = session.run(None, {"x": x})
    row = (float(largest.flat[0]), int(np.isnan(pooled).sum()), int(place.flat[0]), float(best.flat[0]), int(where.flat[0]))
    print("position {}: ReduceMax {:g}, MaxPool windows with nan {}, ArgMax {}, TopK {:g} at {}".format(position, *row))
    seen.append(repr(row))
    truth.append(np.isnan(x.max(3)).all() and (x.argmax(3) == position).all())
print("numpy's max and argmax: nan at the position itself in every case" if all(truth) else "numpy differs")
nan = float("nan")
sys.exit(seen != [repr(r) for r in ((nan, 0, 0, nan, 0), (1., 2, 0, nan, 1), (1., 0, 0, nan, 6), (1., 2, 0, nan, 7))] or not all(truth))
P
