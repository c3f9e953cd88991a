"""Capture launches in a CUDA graph and replay them, by the driver's own calls: PyCUDA has none for it.

cuda-bindings has them, which comes with the plugins' cuda-core. They have not run on a GPU yet.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any


def captured(launch: Callable[[], None], stream: int) -> Callable[[], None]:
    """Record what `launch` puts on a stream, which it must have done once before; the result repeats it there.

    Args:
        launch: may allocate nothing, and must not wait.
        stream: handle of a stream other than the default one, whose context is this thread's.

    Raises:
        RuntimeError: CUDA refuses.
    """
    from cuda.bindings import driver

    graph = _recorded(driver, launch, stream)
    try:
        executable = _done(driver, driver.cuGraphInstantiate(graph, 0))
    finally:
        driver.cuGraphDestroy(graph)

    def replay() -> None:
        _done(driver, driver.cuGraphLaunch(executable, stream))

    weakref.finalize(replay, driver.cuGraphExecDestroy, executable)
    return replay


def _recorded(driver: ModuleType, launch: Callable[[], None], stream: int) -> Any:  # noqa: ANN401 - the driver's graph
    # By thread: what other threads do with the GPU meanwhile does not matter.
    _done(driver, driver.cuStreamBeginCapture(stream, driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL))
    try:
        launch()
    finally:  # whatever became of the launches, the stream has to execute again
        answer = driver.cuStreamEndCapture(stream)
    return _done(driver, answer)


def _done(driver: ModuleType, answer: Any) -> Any:  # noqa: ANN401 - the driver's
    """What a call of the driver gave besides its status."""
    status, *results = answer
    if status != driver.CUresult.CUDA_SUCCESS:
        raise RuntimeError(f"CUDA answers {status.name}")
    return results[0] if results else None
