"""`gridrt::GroupNormRelu` in the GPU benchmarks."""
