"""`gridrt::GridFusion` in the GPU benchmarks."""
