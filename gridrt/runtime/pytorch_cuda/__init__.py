"""PyTorch with GridRT's kernels and CUDA graphs on an NVIDIA GPU, in half precision."""
