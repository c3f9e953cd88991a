from __future__ import annotations

import numpy as np
import pytest

from gridrt.bench.latency import latency_of, speedup


def test_percentiles_are_those_of_the_sorted_runs() -> None:
    found = latency_of([seconds / 100 for seconds in np.random.default_rng(0).permutation(range(101))])

    assert (found.runs, found.mean, found.p50, found.p95, found.p99) == (
        101,
        *map(pytest.approx, (0.5, 0.5, 0.95, 0.99)),
    )
    assert found.fps == pytest.approx(2)


def test_a_single_run_is_all_of_its_percentiles() -> None:
    found = latency_of([0.25])

    assert (found.mean, found.p50, found.p99, found.fps) == (0.25, 0.25, 0.25, 4)


def test_the_speedup_does_not_change_while_the_machine_drifts() -> None:
    drift = np.geomspace(1, 50, 30)

    assert speedup((0.3 * drift).tolist(), (0.1 * drift).tolist()) == pytest.approx(3)


def test_one_disturbed_run_does_not_move_the_speedup() -> None:
    assert speedup([2, 2, 90], [1, 1, 1]) == 2
