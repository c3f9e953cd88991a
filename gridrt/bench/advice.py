"""What a user should do by the figures of a bench: leave a precision that costs time here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gridrt.bench.result import SESSION, Row
from gridrt.bench.timing import speedup


def precision_advice(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each row in INT8, FP16 or BF16 that is slower than the same weights in FP32, run by the same library.

    Args:
        rows: whose runs were interleaved.
    """
    for row in rows:
        exact = next((each for each in rows if _is_fp32_of(each, row)), None)
        if exact is None or exact.speed is None or row.speed is None:
            continue
        faster = speedup(exact.speed.seconds[SESSION], row.speed.seconds[SESSION])
        if faster < 1:
            times = f"{1 / faster:.2f} of the time of {exact.name}"
            yield f"{row.name}: {row.precision.upper()} is slower than FP32 here, {times}: run that one."


def _is_fp32_of(one: Row, row: Row) -> bool:
    """Whether a row has the weights of another that is in a lower precision, by the same library on the same device."""
    libraries = one.run_by == row.run_by and bool(one.run_by)
    same = one.weights_sha256 == row.weights_sha256 is not None
    return one.precision == "fp32" != row.precision and libraries and same and one.speed is not None
