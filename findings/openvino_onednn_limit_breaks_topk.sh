#!/usr/bin/env bash
# ONEDNN_MAX_CPU_ISA=SSE41, set to hold PyTorch to an old processor, makes OpenVINO refuse to compile TopK.
#
# Refutes the guesses that the variable is PyTorch's alone, and that a lower limit makes a library slower and nothing
# else.
# Versions: openvino 2026.4.1, numpy 2.4.6 (CPU with AVX2, Linux x86-64).
# Date: 2026-12-01.
# Behaviour: OpenVINO's CPU plugin has a oneDNN of its own, which reads the same variable, once, when the plugin is
# first asked for anything. With SSE41, Relu and Convolution compile, and TopK, so every detector, fails with the words
# "bad combination" and without the name of the node or the variable. AVX and AVX2 are fine. A variable that is removed
# before the plugin's first use, and set again, holds for PyTorch and does no harm.
# Output seen:
#   ONEDNN_MAX_CPU_ISA=SSE41: Relu compiles, TopK fails: bad combination
#   ONEDNN_MAX_CPU_ISA=AVX: Relu compiles, TopK compiles
#   ONEDNN_MAX_CPU_ISA=AVX2: Relu compiles, TopK compiles
#   ONEDNN_MAX_CPU_ISA=SSE41, hidden at first use: Relu compiles, TopK compiles
# Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check openvino==2026.4.1 numpy==2.4.6
cd "$work"
cat > compile.py <<'P'
import os
import sys
import numpy as np
import openvino as ov
from openvino import opset13 as ops

limit, hidden = sys.argv[1:]
os.environ["ONEDNN_MAX_CPU_ISA"] = limit
core = ov.Core()
if hidden:
    del os.environ["ONEDNN_MAX_CPU_ISA"]
    core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    os.environ["ONEDNN_MAX_CPU_ISA"] = limit
values = ops.parameter([1, 100], np.float32)
best = ops.topk(values, ops.constant(np.int32(5)), 1, "max", "value")
said = []
for name, outputs in (("Relu", [ops.relu(values).output(0)]), ("TopK", [best.output(0), best.output(1)])):
    try:
        core.compile_model(ov.Model(outputs, [values], name), "CPU")
        said.append(f"{name} compiles")
    except RuntimeError as error:
        said.append(f"{name} fails: {str(error).strip().splitlines()[-1]}")
print(f"ONEDNN_MAX_CPU_ISA={limit}{', hidden at first use' if hidden else ''}: {', '.join(said)}")
P
for limit in SSE41 AVX AVX2; do "$work/v/bin/python" compile.py "$limit" "" | tee -a seen; done
"$work/v/bin/python" compile.py SSE41 hidden | tee -a seen
diff seen - <<'P'
ONEDNN_MAX_CPU_ISA=SSE41: Relu compiles, TopK fails: bad combination
ONEDNN_MAX_CPU_ISA=AVX: Relu compiles, TopK compiles
ONEDNN_MAX_CPU_ISA=AVX2: Relu compiles, TopK compiles
ONEDNN_MAX_CPU_ISA=SSE41, hidden at first use: Relu compiles, TopK compiles
P
