"""TensorRT, or TensorRT for RTX, on an NVIDIA GPU."""
