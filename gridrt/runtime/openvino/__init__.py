"""ONNX graphs on a CPU, run by OpenVINO."""
