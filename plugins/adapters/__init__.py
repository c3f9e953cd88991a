"""The ops as plugins of TensorRT: each adapter reads the contracts and the kernels' descriptions, and knows no op."""
