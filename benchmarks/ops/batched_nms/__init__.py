"""`gridrt::BatchedNms` in the GPU benchmarks."""
