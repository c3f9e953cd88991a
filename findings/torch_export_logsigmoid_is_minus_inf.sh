#!/usr/bin/env bash
# torch.onnx exports logsigmoid and BCE-with-logits as Log(Sigmoid(x)): stable in PyTorch, -inf in ONNX Runtime from
# -17 on.
#
# Refutes the guess that the exported graph agrees with PyTorch to rounding, for these functions exist to be stable.
# Versions: torch 2.13.0, onnxscript 0.7.2, onnxruntime 1.32.0, openvino 2026.4.1, onnx 1.23.2, numpy 2.4.6 (Python
# 3.11, Linux x86-64).
# Date: 2026-11-30.
# Behaviour: the exporter (dynamo, opset 20) writes the textbook form, Sigmoid then Log, and the checker passes.
# Sigmoid of a very negative logit is 0 in float32, and its logarithm -inf. In exact float32 this begins near -88
# (OpenVINO: from there on); in ONNX Runtime, whose Sigmoid is 0 much earlier, at about -17, a logit that a confident
# detector does give. The same form makes binary_cross_entropy_with_logits infinite. Written as -softplus(-x) the
# export is right.
# Output seen:
#   nodes of the exported logsigmoid: Sigmoid, Log
#   logit -10: torch -10.0000 onnxruntime -10.0002 openvino -10.0000
#   logit -20: torch -20.0000 onnxruntime -inf openvino -20.0000
#   logit -100: torch -100.0000 onnxruntime -inf openvino -inf
#   first -inf in onnxruntime at logit -17.2
#   binary_cross_entropy_with_logits at logit -20, target 1: torch 20.0000 onnxruntime inf
#   -softplus(-x) at logit -100: torch -100.0000 onnxruntime -100.0000
# The install is large (torch). Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check torch==2.13.0 onnxscript==0.7.2 onnxruntime==1.32.0 openvino==2026.4.1 \
    onnx==1.23.2 numpy==2.4.6
cd "$work"; "$work/v/bin/python" -W ignore - 2>err.log <<'P' || { code=$?; tail -n 3 err.log; exit $code; }
import sys
import numpy as np, onnx, onnxruntime as ort, openvino as ov, torch
from torch.nn import functional as F

ort.set_default_logger_severity(4)
core = ov.Core()
logits = torch.cat([torch.tensor([-10., -20, -100]), torch.arange(-1, -400, -1) / 10])

class Wrapped(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
    def forward(self, x):
        return self.function(x)

def exported(function):
    made = torch.onnx.export(Wrapped(function).eval(), (logits,), dynamo=True, opset_version=20, verbose=False).model_proto
    onnx.checker.check_model(made, full_check=True)
    return made

def onnxruntime(made, x):
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]

made = exported(F.logsigmoid)
ops = [n.op_type for n in made.graph.node]
sys.stdout.write(f"nodes of the exported logsigmoid: {', '.join(ops)}\n")
right, a = F.logsigmoid(logits).numpy(), onnxruntime(made, logits)
b = core.compile_model(core.read_model(made.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(logits.numpy())[0]
for i in range(3):
    print(f"logit {logits[i]:.0f}: torch {right[i]:.4f} onnxruntime {a[i]:.4f} openvino {b[i]:.4f}")
first = float(logits[3:][torch.from_numpy(np.isinf(a[3:]))].max())
print(f"first -inf in onnxruntime at logit {first:.1f}")

def loss(x):
    return F.binary_cross_entropy_with_logits(x, torch.ones_like(x), reduction="none")

bce, stable = onnxruntime(exported(loss), logits), onnxruntime(exported(lambda x: -F.softplus(-x)), logits)
print(f"binary_cross_entropy_with_logits at logit -20, target 1: torch {loss(logits)[1]:.4f} onnxruntime {bce[1]:.4f}")
print(f"-softplus(-x) at logit -100: torch {right[2]:.4f} onnxruntime {stable[2]:.4f}")
sys.exit(not (ops == ["Sigmoid", "Log"] and np.isfinite(right).all() and np.isinf(a[1]) and np.isfinite(b[1]) and np.isinf(b[2])
              and -20 < first < -15 and np.isinf(bce[1]) and np.allclose(stable, right, rtol=1e-4, atol=1e-6)))
P
