#!/usr/bin/env bash
# Ray Data writes boxes to Parquet in a type that depends on how many objects happen to be in each block, so that the
# files of one folder can no longer be read together by pyarrow or pandas.
#
# Refutes the guess that a column has one type in all files of one write_parquet.
# Versions: ray 2.60.0, pyarrow 26.0.1, pandas 3.1.1, numpy 2.4.6 (Python 3.11, Linux x86-64, 2 CPUs).
# Date: 2026-11-30.
# Behaviour: an array [objects, 4] per image becomes a fixed-shape tensor column where all images of a block have the
# same number of objects, and a variable-shaped one elsewhere. Nested lists seem the remedy, but a block without any
# object is written as list<null>. In both cases pyarrow.parquet.read_table and pandas.read_parquet of the folder
# raise; Ray itself reads it. Whether it happens depends on data and block size. Give lists with an explicit pyarrow
# schema (write pyarrow tables from map_batches, batch_format="pyarrow"): then all files agree.
# Output seen (two blocks of two images; numbers of objects by image):
#   arrays, 2 2 | 3 1: fixed tensor, variable tensor; pyarrow ArrowTypeError, ray reads 4 rows
#   arrays, 0 0 | 3 1: fixed tensor, variable tensor; pyarrow ArrowTypeError, ray reads 4 rows
#   lists, 2 2 | 3 1: list of list of double, list of list of double; pyarrow reads 4 rows, ray reads 4 rows
#   lists, 0 0 | 3 1: list of list of double, list of null; pyarrow ArrowNotImplementedError, ray reads 4 rows
#   schema given, 0 0 | 3 1: list of list of float, list of list of float; pyarrow reads 4 rows, ray reads 4 rows
# The install is large. Exits 0 while this is so, 1 when it changed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --disable-pip-version-check "ray[data]==2.60.0" pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
cd "$work"; RAY_USAGE_STATS_ENABLED=0 "$work/v/bin/python" -W ignore - 2>err.log <<'P' || { code=$?; tail -n 3 err.log; exit $code; }
import logging, os, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, ray

ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, object_store_memory=200 * 2 ** 20, log_to_driver=False)
ray.data.DataContext.get_current().enable_progress_bars = False
schema = pa.schema([("image", pa.string()), ("boxes", pa.list_(pa.list_(pa.float32())))])

def short(kind):
    if "VariableShaped" in str(kind):
        return "variable tensor"
    return "fixed tensor" if "Tensor" in str(kind) else " of ".join(["list"] * str(kind).count("list")) + " of " + str(kind).split(": ")[-1].rstrip(">")

def outcome(read):
    try:
        return f"reads {read()} rows"
    except pa.ArrowException as error:
        return type(error).__name__

def case(form, counts):
    def boxes(k):
        return np.full((counts[k], 4), k, np.float32)
    def table(batch):
        ids = batch.column("id").to_pylist()
        return pa.table({"image": [f"im{k}" for k in ids], "boxes": [boxes(k).tolist() for k in ids]}, schema=schema)
    rows = ray.data.range(4, override_num_blocks=2)
    if form == "schema given":
        rows = rows.map_batches(table, batch_format="pyarrow")
    else:
        rows = rows.map(lambda row: {"image": f"im{row['id']}", "boxes": boxes(row["id"]) if form == "arrays" else boxes(row["id"]).tolist()})
    folder = f"{form}{counts[0]}".replace(" ", "_")
    rows.write_parquet(folder)
    kinds = sorted(short(pq.read_schema(os.path.join(folder, f)).field("boxes").type) for f in os.listdir(folder))
    plain, own = outcome(lambda: pq.read_table(folder).num_rows), outcome(lambda: len(ray.data.read_parquet(folder).take_all()))
    print(f"{form}, {counts[0]} {counts[1]} | {counts[2]} {counts[3]}: {', '.join(kinds)}; pyarrow {plain}, ray {own}")
    return len(set(kinds)), plain, own

seen = [case("arrays", (2, 2, 3, 1)), case("arrays", (0, 0, 3, 1)), case("lists", (2, 2, 3, 1)), case("lists", (0, 0, 3, 1)),
        case("schema given", (0, 0, 3, 1))]
fine = "reads 4 rows"
sys.exit(seen != [(2, "ArrowTypeError", fine), (2, "ArrowTypeError", fine), (1, fine, fine), (2, "ArrowNotImplementedError", fine), (1, fine, fine)])
P
