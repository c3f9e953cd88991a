"""`gridrt::MultiLevelRoiAlign` in the GPU benchmarks."""
