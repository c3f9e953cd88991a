"""PyTorch, eagerly, on a CPU or a CUDA GPU: the reference that other backends are measured against."""
