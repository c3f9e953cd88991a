"""ONNX Runtime, on a CPU or an NVIDIA GPU."""
