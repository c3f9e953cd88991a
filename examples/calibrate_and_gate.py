"""For CI: write a model in INT8, and fail where that costs too much AP or brings no speed.

    python examples/calibrate_and_gate.py own.pth train val val.json

Exit code 3 means that a gate was not met, as of `gridrt bench`.
"""

from __future__ import annotations

import sys

import gridrt
from gridrt.bench.gates import Gates

GATES = Gates(max_ap_drop=0.5, min_speedup=1.0)  # points of 100; times the checkpoint's speed


def main(weights: str, calibration_images: str, images: str, annotations: str) -> int:
    """Calibrate on one folder, measure on another; the exit code."""
    graph = gridrt.export_onnx(weights).file
    quantized = gridrt.calibrate(graph, calibration_images, target="cpu").graph.path
    result = gridrt.benchmark(
        [weights, graph, quantized], images=images, annotations=annotations, gates=GATES, html_file="report.html"
    )
    for gate in result.gates:
        print("met" if gate.met else "NOT MET", gate.row, gate.rule, gate.value)
    return 0 if result.complete and not result.failed and all(gate.met for gate in result.gates) else 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
