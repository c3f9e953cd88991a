"""The outcome of a bench as one HTML file that needs nothing else."""

from gridrt.report.bench_report.page import bench_page, save_bench_report

__all__ = ["bench_page", "save_bench_report"]
