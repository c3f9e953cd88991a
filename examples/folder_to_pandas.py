"""Detect in a folder, and write a table: python examples/folder_to_pandas.py r50.onnx photos found.csv."""

from __future__ import annotations

import sys

import pandas as pd

import gridrt


def table(model: str, folder: str) -> pd.DataFrame:
    """A row for each detection; boxes in pixels of the original image."""
    detector = gridrt.open_detector(model)
    records = gridrt.detect_files(detector, [folder], on_error=lambda error: print(error, file=sys.stderr))
    rows = [
        {"file": str(record.file), "name": found["name"], "score": found["score"]}
        | dict(zip(("x1", "y1", "x2", "y2"), found["box"], strict=True))
        for record in records
        for found in record.detections.to_dicts(detector.class_names)
    ]
    return pd.DataFrame(rows, columns=["file", "name", "score", "x1", "y1", "x2", "y2"])


if __name__ == "__main__":
    model, folder, out = sys.argv[1:]
    found = table(model, folder)
    found.to_csv(out, index=False)
    print(found.groupby(["file", "name"]).size().unstack(fill_value=0))
